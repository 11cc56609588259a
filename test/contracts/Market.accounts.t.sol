// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {Accounts} from "../../contracts/libraries/Accounts.sol";
import {Tokens} from "../../contracts/libraries/Tokens.sol";
import {Gwei, UnixTime, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {MarketFace, deployMarket} from "./Deploy.sol";
import {Stage} from "./Stage.sol";
import {
    ChargingToken,
    GreedyToken,
    LooseToken,
    ReenteringToken,
    RefusingToken,
    ScorchingToken,
    SilentToken
} from "./mocks/WeirdTokens.sol";

contract MarketAccountsTest is Stage {
    function testFuzz_what_goes_in_comes_out_to_the_last_wei(uint96 amount, uint96 part) public {
        uint256 sum = uint256(amount) % 100_000 ether;
        uint256 drawn = sum == 0 ? 0 : uint256(part) % (sum + 1);
        fund(other, sum);
        vm.assertEq(balanceOf(other), sum, "in");
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Withdrawn(other, steward, Wei.wrap(drawn));
        vm.prank(other);
        market.withdraw(Wei.wrap(drawn), steward);
        vm.assertEq(balanceOf(other), sum - drawn, "left");
        vm.assertEq(token.balanceOf(steward), drawn, "out");
    }

    function test_a_deposit_is_told() public {
        token.transfer(other, 7);
        vm.prank(other);
        token.approve(address(market), 7);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Deposited(other, Wei.wrap(7));
        vm.prank(other);
        market.deposit(Wei.wrap(7));
    }

    function test_more_than_the_balance_cannot_be_drawn() public {
        vm.expectRevert(
            abi.encodeWithSelector(Accounts.BalanceTooSmall.selector, Wei.wrap(FUNDS + 1), Wei.wrap(FUNDS))
        );
        vm.prank(uploader);
        market.withdraw(Wei.wrap(FUNDS + 1), uploader);
    }

    function test_drawing_to_the_market_or_to_nobody_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(IMarket.WithdrawToNobody.selector, address(market)));
        vm.prank(uploader);
        market.withdraw(Wei.wrap(1), address(market));
        vm.expectRevert(abi.encodeWithSelector(IMarket.WithdrawToNobody.selector, address(0)));
        vm.prank(uploader);
        market.withdraw(Wei.wrap(1), address(0));
    }

    function signPermit(uint256 amount) private view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                other,
                address(market),
                amount,
                token.nonces(other),
                uint256(DEADLINE)
            )
        );
        return vm.sign(OTHER_KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash)));
    }

    function test_a_permit_deposits_in_one_call() public {
        token.transfer(other, 5 ether);
        (uint8 v, bytes32 r, bytes32 s) = signPermit(5 ether);
        vm.prank(other);
        market.depositWithPermit(Wei.wrap(5 ether), DEADLINE, v, r, s);
        vm.assertEq(balanceOf(other), 5 ether, "balance");
    }

    function test_a_permit_that_somebody_submitted_first_still_deposits() public {
        token.transfer(other, 5 ether);
        (uint8 v, bytes32 r, bytes32 s) = signPermit(5 ether);
        token.permit(other, address(market), 5 ether, DEADLINE, v, r, s);
        vm.prank(other);
        market.depositWithPermit(Wei.wrap(5 ether), DEADLINE, v, r, s);
        vm.assertEq(balanceOf(other), 5 ether, "balance");
    }

    function test_a_wrong_permit_deposits_nothing() public {
        token.transfer(other, 5 ether);
        (uint8 v, bytes32 r, bytes32 s) = signPermit(5 ether);
        vm.expectRevert();
        vm.prank(other);
        market.depositWithPermit(Wei.wrap(4 ether), DEADLINE, v, r, s);
        vm.assertEq(balanceOf(other), 0, "balance");
    }

    function test_somebody_elses_permit_moves_nothing_of_theirs() public {
        token.transfer(other, 5 ether);
        (uint8 v, bytes32 r, bytes32 s) = signPermit(5 ether);
        vm.expectRevert();
        vm.prank(steward);
        market.depositWithPermit(Wei.wrap(5 ether), DEADLINE, v, r, s);
        vm.assertEq(token.balanceOf(other), 5 ether, "tokens");
    }

    function test_a_backup_pointer_is_told_up_to_256_bytes() public {
        bytes memory pointer = new bytes(256);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Pointer(uploader, pointer);
        vm.prank(uploader);
        market.point(pointer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.PointerTooLong.selector, 256, 257));
        market.point(new bytes(257));
    }

    function test_multicall_acts_for_the_caller_all_or_nothing() public {
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IMarket.post, (steward, UnixTime.wrap(DEADLINE), aPost(claimKey, AMOUNT)));
        calls[1] = abi.encodeCall(IMarket.withdraw, (Wei.wrap(1 ether), uploader));
        vm.prank(uploader);
        market.multicall(calls);
        vm.assertEq(balanceOf(uploader), FUNDS - inWei(AMOUNT) - 1 ether, "balance");

        calls[0] = abi.encodeCall(IMarket.withdraw, (Wei.wrap(1 ether), uploader));
        calls[1] = abi.encodeCall(IMarket.withdraw, (Wei.wrap(FUNDS), uploader));
        vm.prank(uploader);
        vm.expectRevert();
        market.multicall(calls);
        vm.assertEq(balanceOf(uploader), FUNDS - inWei(AMOUNT) - 1 ether, "unchanged");
    }

    // --- tokens that lie

    function aMarketFor(address weird) private returns (MarketFace made) {
        made = deployMarket(weird, FLOOR);
        LooseToken(weird).mint(uploader, 100 ether);
        LooseToken(weird).mint(other, 100 ether);
    }

    function put(MarketFace where, LooseToken weird, address account, uint256 amount) private {
        vm.prank(account);
        weird.approve(address(where), amount);
        vm.prank(account);
        where.deposit(Wei.wrap(amount));
    }

    function test_of_a_charging_token_only_what_arrived_is_credited() public {
        ChargingToken weird = new ChargingToken();
        MarketFace made = aMarketFor(address(weird));
        put(made, weird, uploader, 100 ether);
        vm.assertEq(Wei.unwrap(made.balances(uploader)), 99 ether, "credited");
        vm.assertEq(weird.balanceOf(address(made)), 99 ether, "held");
        vm.prank(uploader);
        made.withdraw(Wei.wrap(99 ether), uploader);
        vm.assertEq(weird.balanceOf(address(made)), 0, "all of it, and no more");
    }

    function test_a_token_that_takes_more_than_told_cannot_take_other_peoples_money() public {
        GreedyToken weird = new GreedyToken();
        MarketFace made = aMarketFor(address(weird));
        put(made, weird, uploader, 10 ether);
        put(made, weird, other, 10 ether);
        vm.expectRevert(
            abi.encodeWithSelector(Tokens.TokenTookMore.selector, Wei.wrap(10 ether), Wei.wrap(10.1 ether))
        );
        vm.prank(uploader);
        made.withdraw(Wei.wrap(10 ether), uploader);
        vm.assertEq(weird.balanceOf(address(made)), 20 ether, "held");
    }

    function test_a_token_that_burns_more_than_told_cannot_burn_other_peoples_money() public {
        ScorchingToken weird = new ScorchingToken();
        MarketFace made = aMarketFor(address(weird));
        put(made, weird, uploader, 10 ether);
        put(made, weird, other, 10 ether);
        uint256 fee = inWei(FLOOR);
        vm.expectRevert(abi.encodeWithSelector(Tokens.TokenTookMore.selector, Wei.wrap(fee), Wei.wrap(2 * fee)));
        vm.prank(uploader);
        made.advertise(keccak256("advert"), Gwei.wrap(1));
    }

    function test_a_token_that_returns_nothing_works() public {
        SilentToken weird = new SilentToken();
        MarketFace made = aMarketFor(address(weird));
        vm.prank(uploader);
        made.deposit(Wei.wrap(10 ether));
        vm.prank(uploader);
        made.withdraw(Wei.wrap(4 ether), steward);
        vm.assertEq(weird.balanceOf(steward), 4 ether, "out");
        vm.assertEq(Wei.unwrap(made.balances(uploader)), 6 ether, "left");
    }

    function test_a_token_that_says_false_is_refused() public {
        RefusingToken weird = new RefusingToken();
        MarketFace made = aMarketFor(address(weird));
        vm.expectRevert(abi.encodeWithSelector(bytes4(keccak256("SafeERC20FailedOperation(address)")), address(weird)));
        vm.prank(uploader);
        made.deposit(Wei.wrap(1 ether));
    }

    function test_a_token_that_calls_back_cannot_be_credited_twice() public {
        ReenteringToken weird = new ReenteringToken();
        MarketFace made = aMarketFor(address(weird));
        weird.mint(address(weird), 1 ether);
        weird.aim(address(made), abi.encodeCall(IMarket.deposit, (Wei.wrap(1 ether))));
        vm.prank(uploader);
        weird.approve(address(made), 1 ether);
        vm.expectRevert(
            abi.encodeWithSelector(bytes4(keccak256("ReentrancyGuardReentrantCall()")))
        );
        vm.prank(uploader);
        made.deposit(Wei.wrap(1 ether));
    }
}
