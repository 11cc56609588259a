// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {vm} from "./Cheats.sol";
import {HoldTokenFace, MarketFace, deployMarket, deployOwnToken} from "./Deploy.sol";
import {MarketHandler} from "./MarketHandler.sol";

/// The invariants of contracts.md, each after every call of a random play of the market.
/// To run this file alone, name MarketHandler.sol as well: the runner knows only the contracts of the files it is given.
contract MarketInvariantsTest {
    HoldTokenFace private token;
    MarketFace private market;
    MarketHandler private handler;

    function setUp() public {
        vm.warp(1_800_000_000);
        token = deployOwnToken();
        token.mint(address(this), 1_000_000_000 ether);
        market = deployMarket(address(token), 100_000);
        handler = new MarketHandler();
        token.transfer(address(handler), 1_000_000_000 ether);
        handler.begin(token, market);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    struct Selectors {
        address where;
        bytes4[] selectors;
    }

    /// Only the acts: views and the probe are not moves of the play.
    function targetSelectors() external view returns (Selectors[] memory targets) {
        targets = new Selectors[](1);
        targets[0] = Selectors(address(handler), new bytes4[](15));
        targets[0].selectors[0] = MarketHandler.deposit.selector;
        targets[0].selectors[1] = MarketHandler.withdraw.selector;
        targets[0].selectors[2] = MarketHandler.overdraw.selector;
        targets[0].selectors[3] = MarketHandler.advertise.selector;
        targets[0].selectors[4] = MarketHandler.post.selector;
        targets[0].selectors[5] = MarketHandler.sweep.selector;
        targets[0].selectors[6] = MarketHandler.revoke.selector;
        targets[0].selectors[7] = MarketHandler.release.selector;
        targets[0].selectors[8] = MarketHandler.donate.selector;
        targets[0].selectors[9] = MarketHandler.wait.selector;
        // twice: a play of posts and sweeps shows more than one of deposits
        targets[0].selectors[10] = MarketHandler.post.selector;
        targets[0].selectors[11] = MarketHandler.sweep.selector;
        targets[0].selectors[12] = MarketHandler.promise_.selector;
        targets[0].selectors[13] = MarketHandler.redeem.selector;
        targets[0].selectors[14] = MarketHandler.settle.selector;
    }

    /// token.balanceOf(market) >= sum of balances + sum of open bounties
    function invariant_INV1_solvent() public view {
        uint256 held = token.balanceOf(address(market));
        vm.assertGe(held, handler.sumOfBalances() + handler.sumOfOpen() * 1e9, "INV1");
        // and with an honest token to the last wei: what came, less what went
        vm.assertEq(
            held,
            handler.deposited() + handler.donated() - handler.withdrawn() - handler.fees(),
            "INV1: the money adds up"
        );
        vm.assertEq(held, handler.sumOfBalances() + handler.sumOfOpen() * 1e9 + handler.donated(), "INV1: no dust");
    }

    /// posted = swept + revoked + open
    function invariant_INV2_whole() public view {
        vm.assertEq(handler.posted(), handler.swept() + handler.revoked() + handler.sumOfOpen(), "INV2");
    }

    /// no bounty is paid twice, or both swept and revoked: its slot is open iff neither happened
    function invariant_INV3_once() public view {
        vm.assertTrue(handler.slotsAgree(), "INV3");
    }

    /// a bound bounty raises only its steward's balance, by all of its amount
    function invariant_INV4_bound() public view {
        vm.assertEq(handler.firstBreak(), "", "INV4");
        vm.assertEq(handler.breaks(), 0, "INV4");
    }

    /// nothing but the owner's call lowers a balance; every act but the owner's leaves it, or raises it by what the rule says
    function invariant_INV5_own() public view {
        vm.assertEq(handler.firstBreak(), "", "INV5");
        vm.assertEq(handler.breaks(), 0, "INV5");
    }

    /// redeemed(from, to) never exceeds the highest signed cumulative and never falls
    function invariant_INV6_promised() public {
        vm.assertTrue(handler.promisesAgree(), "INV6");
    }

    /// settle conserves the sum: every statement that was taken moved what its deltas say, and those sum to zero
    function invariant_INV7_conserved() public view {
        vm.assertEq(handler.firstBreak(), "", "INV7");
        vm.assertTrue(handler.settledSum() == 0, "INV7");
    }

    /// no call can lock another account's withdrawal or occupy its ids
    function invariant_INV11_free() public {
        vm.assertTrue(handler.probeFreedom(), "INV11");
    }

    /// The play is one: with a fixed script every act really happens, so that the invariants above are not about nothing.
    function test_the_handler_reaches_every_end_of_a_bounty() public {
        handler.deposit(0, 5 ether);
        handler.post(0, 1, 0, 1_000, 1 days);
        handler.sweep(0, 1, true, false, 0);
        handler.post(0, 1, 1, 1_000, 1 days);
        handler.release(1, 0, 0, true, 1);
        handler.post(0, 2, 2, 1_000, 0);
        handler.wait(2 days);
        handler.revoke(2, 0, true);
        handler.sweep(2, 2, true, false, 0);
        vm.assertEq(handler.sweeps(), 1, "swept");
        vm.assertEq(handler.releases(), 1, "released");
        vm.assertEq(handler.revokes(), 1, "revoked");
        vm.assertEq(handler.misses(), 1, "missed");
        vm.assertEq(handler.firstBreak(), "", "breaks");
        vm.assertTrue(handler.probeFreedom(), "free");
        invariant_INV1_solvent();

        handler.promise_(0, 1, 700);
        handler.redeem(0, 1, 0, true);
        handler.promise_(0, 1, 400);
        handler.settle(0, 1, 300, 0, true);
        vm.assertEq(handler.redeems(), 1, "redeemed");
        vm.assertEq(handler.settles(), 1, "settled");
        vm.assertEq(handler.firstBreak(), "", "breaks");
        invariant_INV1_solvent();
        invariant_INV6_promised();
    }
}
