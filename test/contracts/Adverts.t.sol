// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {Accounts} from "../../contracts/libraries/Accounts.sol";
import {Adverts} from "../../contracts/libraries/Adverts.sol";
import {Gwei, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {Stage} from "./Stage.sol";

contract AdvertsTest is Stage {
    bytes32 private constant ADVERT = keccak256("advert");

    function feeOf(uint64 value, uint64 floor) private pure returns (uint64) {
        return Gwei.unwrap(Adverts.feeOf(Gwei.wrap(value), Gwei.wrap(floor)));
    }

    function test_the_fee_is_two_percent_rounded_up_and_at_least_the_floor() public pure {
        vm.assertEq(feeOf(100, 0), 2, "exact");
        vm.assertEq(feeOf(101, 0), 3, "2.02: up");
        vm.assertEq(feeOf(0, 0), 0, "nothing");
        vm.assertEq(feeOf(100, 2), 2, "equal");
        vm.assertEq(feeOf(100, 3), 3, "floor");
        vm.assertEq(feeOf(type(uint64).max, 0), 368934881474191033, "2^64 / 50 = 368934881474191032.32: up");
    }

    function testFuzz_the_fee_covers_a_fiftieth_and_less_than_one_gwei_more(uint64 value, uint64 floor) public pure {
        uint256 fee = feeOf(value, floor);
        vm.assertGe(fee * 50, value, "covers");
        vm.assertGe(fee, floor, "floor");
        if (fee > floor) vm.assertTrue((fee - 1) * 50 < value, "no more than needed");
    }

    function testFuzz_the_fee_leaves_the_balance_and_is_burned(uint64 value) public {
        value = uint64(value % 1e13);
        uint64 fee = feeOf(value, FLOOR);
        uint256 supply = token.totalSupply();
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Advertised(ADVERT, uploader, Gwei.wrap(value), Gwei.wrap(fee));
        vm.prank(uploader);
        market.advertise(ADVERT, Gwei.wrap(value));
        vm.assertEq(balanceOf(uploader), FUNDS - inWei(fee), "balance");
        vm.assertEq(supply - token.totalSupply(), inWei(fee), "burned");
        vm.assertEq(token.balanceOf(address(market)), FUNDS - inWei(fee), "held");
    }

    function test_an_advert_nobody_can_pay_is_refused() public {
        vm.prank(other);
        vm.expectRevert(
            abi.encodeWithSelector(Accounts.BalanceTooSmall.selector, Wei.wrap(inWei(FLOOR)), Wei.wrap(0))
        );
        market.advertise(ADVERT, Gwei.wrap(1));
    }
}
