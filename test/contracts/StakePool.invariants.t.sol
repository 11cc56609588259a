// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {vm} from "./Cheats.sol";
import {PoolHandler} from "./PoolHandler.sol";

/// INV8 and INV9 of contracts.md, each after every call of a random play of the stake pool over years.
/// To run this file alone, name PoolHandler.sol as well: the runner knows only the contracts of the files it is given.
contract StakePoolInvariantsTest {
    PoolHandler private handler;

    function setUp() public {
        handler = new PoolHandler();
        handler.begin();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    struct Selectors {
        address where;
        bytes4[] selectors;
    }

    function targetSelectors() external view returns (Selectors[] memory targets) {
        targets = new Selectors[](1);
        targets[0] = Selectors(address(handler), new bytes4[](14));
        targets[0].selectors[0] = PoolHandler.mine.selector;
        targets[0].selectors[1] = PoolHandler.wait.selector;
        targets[0].selectors[2] = PoolHandler.poke.selector;
        targets[0].selectors[3] = PoolHandler.stake.selector;
        targets[0].selectors[4] = PoolHandler.bond.selector;
        targets[0].selectors[5] = PoolHandler.takeOut.selector;
        targets[0].selectors[6] = PoolHandler.withdraw.selector;
        targets[0].selectors[7] = PoolHandler.claim.selector;
        targets[0].selectors[8] = PoolHandler.advertise.selector;
        targets[0].selectors[9] = PoolHandler.give.selector;
        targets[0].selectors[10] = PoolHandler.propose.selector;
        targets[0].selectors[11] = PoolHandler.decide.selector;
        // twice: years pass, and something is there to play with
        targets[0].selectors[12] = PoolHandler.wait.selector;
        targets[0].selectors[13] = PoolHandler.stake.selector;
    }

    /// sum of (stakes + bonds + pending + undistributed) <= what the pool holds
    function invariant_INV8_covered() public view {
        vm.assertGe(handler.held(), handler.accounted(), "INV8: tokens");
        // undistributed is rounded up by less than a wei
        vm.assertGe(handler.accounted() + 1, handler.owed(), "INV8: accounts");
        vm.assertTrue(handler.bondsAgree(), "INV8: bonds");
        vm.assertEq(handler.firstBreak(), "", "INV8");
    }

    /// supply <= sum of mined_i x e^(kappa (t - t_i)), to one part in a million
    function invariant_INV9_bounded() public view {
        uint256 bound = handler.boundNow();
        vm.assertGe(bound + bound / 1_000_000, handler.supplyNow(), "INV9");
    }

    /// The play is one: with a fixed script every act really happens.
    function test_the_handler_reaches_every_act() public {
        handler.stake(1, 500 ether);
        handler.stake(2, 500 ether);
        handler.bond(1, 400 ether);
        handler.wait(30 days);
        handler.advertise(0, 40e9);
        handler.claim(2);
        handler.propose(0, 1e9, true);
        handler.takeOut(1, 0, true, true);
        handler.wait(3 days);
        handler.decide(0, 1);
        handler.wait(30 days);
        handler.withdraw(1);
        vm.assertEq(handler.stakes(), 2, "staked");
        vm.assertEq(handler.claims(), 1, "claimed");
        vm.assertEq(handler.executions(), 1, "executed");
        vm.assertEq(handler.withdrawals(), 1, "withdrawn");
        vm.assertEq(handler.firstBreak(), "", "breaks");
        invariant_INV8_covered();
        invariant_INV9_bounded();
    }
}
