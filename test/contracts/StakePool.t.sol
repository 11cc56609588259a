// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IStakePool} from "../../contracts/interfaces/IStakePool.sol";
import {Stakes} from "../../contracts/libraries/Stakes.sol";
import {Gwei, UnixTime, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {StakePoolFace, deployMarketOf, deployOwnToken, deployStakePool} from "./Deploy.sol";
import {PoolStage, grownBy} from "./PoolStage.sol";

/// What stakes earn, and how they come and go.
contract StakePoolTest is PoolStage {
    // --- creation

    function test_kappa_lies_between_5_and_30_percent_a_year() public {
        (uint256 least, uint256 most) = (48_790_164_169_432_003, 262_364_264_467_491_052);
        uint256[2] memory outside = [least - 1, most + 1];
        for (uint256 i = 0; i < 2; ++i) {
            address fresh = address(deployOwnToken());
            vm.expectRevert(
                abi.encodeWithSelector(IStakePool.StakeKappaOutside.selector, least, most, outside[i])
            );
            deployStakePool(fresh, address(registrar), outside[i], MINIMUM);
        }
        deployStakePool(address(deployOwnToken()), address(registrar), least, MINIMUM);
        deployStakePool(address(deployOwnToken()), address(registrar), most, MINIMUM);
    }

    function test_a_second_market_or_pool_finds_the_place_taken() public {
        vm.expectRevert(
            abi.encodeWithSelector(IStakePool.StakeMarketTaken.selector, address(market), address(this))
        );
        pool.joinAsMarket();
        vm.expectRevert();
        deployMarketOf(address(token), address(pool), FLOOR);
        vm.expectRevert();
        deployStakePool(address(token), address(registrar), KAPPA, MINIMUM);
    }

    // --- growth

    function test_a_year_grows_the_supply_by_15_percent() public {
        stakeFor(other, STAKE);
        vm.warp(START + 365 days);
        pool.poke();
        uint256 supply = token.totalSupply();
        vm.assertTrue(supply <= 1_150_000 ether, "not more");
        vm.assertGe(supply, 1_150_000 ether - 1e12, "nor less by more than a millionth of a HOLD");
        assertClose(pendingOf(other), 150_000 ether, 1, "all of it to the only staker");
    }

    function test_time_in_which_nobody_stakes_makes_nothing() public {
        vm.warp(START + 365 days);
        pool.poke();
        vm.assertEq(token.totalSupply(), 1_000_000 ether, "nobody");
        stakeFor(other, STAKE);
        vm.warp(START + 366 days);
        vm.prank(other);
        pool.unstake(Wei.wrap(STAKE));
        uint256 supply = token.totalSupply();
        vm.assertTrue(supply > 1_000_000 ether && supply <= grownBy(1_000_000 ether, KAPPA, 1 days), "one day");
        vm.warp(START + 700 days);
        pool.poke();
        vm.assertEq(token.totalSupply(), supply, "what leaves earns nothing");
    }

    /// INV9, both sides: whenever it is poked, the supply follows the exponential to one part in a million over ten years.
    function testFuzz_INV9_any_rhythm_of_pokes_follows_the_exponential(uint32[20] calldata waits) public {
        stakeFor(other, STAKE);
        uint256 passed = 0;
        for (uint256 i = 0; i < waits.length; ++i) {
            passed += waits[i] % (i % 3 == 0 ? 400 days : i % 3 == 1 ? 60 days : 2 minutes);
            vm.warp(START + passed);
            pool.poke();
        }
        uint256 bound = grownBy(1_000_000 ether, KAPPA, passed);
        vm.assertTrue(token.totalSupply() <= bound, "at most");
        assertClose(token.totalSupply(), bound, 1, "and to a millionth");
    }

    function testFuzz_no_time_between_two_pokes_breaks_it(uint32 wait) public {
        stakeFor(other, STAKE);
        wait %= type(uint32).max - uint32(START);
        vm.warp(START + wait);
        pool.poke();
        assertClose(token.totalSupply(), grownBy(1_000_000 ether, KAPPA, wait), 1, "to a millionth");
    }

    /// What is mined later must not grow for the time before it: the mine pokes first. Here the test is the mine and does not.
    function test_poking_before_minting_keeps_new_tokens_from_growing_for_old_time() public {
        stakeFor(other, STAKE);
        vm.warp(START + 365 days);
        pool.poke();
        uint256 grown = token.totalSupply();
        token.mint(address(this), 1_000_000 ether);
        pool.poke();
        vm.assertEq(token.totalSupply(), grown + 1_000_000 ether, "the same second");
    }

    // --- shares

    function testFuzz_rewards_go_by_stake_and_time(uint96 a, uint96 b, uint32 wait) public {
        uint256 first = MINIMUM + (a % 100_000 ether);
        uint256 second = MINIMUM + (b % 100_000 ether);
        wait %= 365 days;
        stakeFor(other, first);
        stakeFor(uploader, second);
        vm.warp(START + wait);
        pool.poke();
        uint256 minted = token.totalSupply() - 1_000_000 ether;
        uint256 got = pendingOf(other) + pendingOf(uploader);
        vm.assertTrue(got <= minted && minted - got <= 2, "all of it, rounded down twice");
        vm.assertTrue(pendingOf(other) <= (minted * first) / (first + second), "by its share");
    }

    function test_a_bond_earns_like_a_stake() public {
        stakeFor(other, STAKE);
        bondFor(steward, STAKE);
        vm.warp(START + 30 days);
        pool.poke();
        vm.assertEq(pendingOf(other), pendingOf(steward), "alike");
        vm.assertEq(Wei.unwrap(pool.totalBonds()), STAKE, "bonds");
        vm.assertEq(Wei.unwrap(pool.totalEarning()), 2 * STAKE, "earning");
    }

    function test_who_comes_later_has_no_part_in_what_was_earned_before() public {
        stakeFor(other, STAKE);
        vm.warp(START + 30 days);
        stakeFor(uploader, 100 * STAKE);
        vm.assertEq(pendingOf(uploader), 0, "nothing yet");
        vm.assertTrue(pendingOf(other) > 10_000 ether, "all of a month");
    }

    function test_claims_pay_once() public {
        stakeFor(other, STAKE);
        vm.warp(START + 30 days);
        uint256 before = token.balanceOf(other);
        vm.prank(other);
        pool.claim(other);
        uint256 paid = token.balanceOf(other) - before;
        vm.assertTrue(paid > 10_000 ether, "a month of the whole supply");
        vm.prank(other);
        pool.claim(other);
        vm.assertEq(token.balanceOf(other) - before, paid, "once");
        address to = address(pool);
        vm.expectRevert(abi.encodeWithSelector(IStakePool.StakeToNobody.selector, to));
        vm.prank(other);
        pool.claim(to);
    }

    // --- fees

    function test_the_fee_of_an_advert_goes_to_the_stakers() public {
        stakeFor(other, STAKE);
        uint256 supply = token.totalSupply();
        vm.prank(uploader);
        market.advertise(keccak256("advert"), Gwei.wrap(50_000_000));
        vm.assertEq(token.totalSupply(), supply, "nothing burned");
        assertClose(pendingOf(other), 1_000_000 * 1e9, 1, "a fiftieth");
        vm.assertTrue(pendingOf(other) <= 1_000_000 * 1e9, "rounded down");
        vm.assertEq(balanceOf(uploader), FUNDS - 1_000_000 * 1e9, "from the balance");
    }

    function test_the_fee_is_burned_while_nobody_stakes() public {
        uint256 supply = token.totalSupply();
        vm.prank(uploader);
        market.advertise(keccak256("advert"), Gwei.wrap(50_000_000));
        vm.assertEq(token.totalSupply(), supply - 1_000_000 * 1e9, "burned");
    }

    function test_gifts_join_the_stream_or_burn() public {
        token.transfer(address(pool), 5 ether);
        uint256 supply = token.totalSupply();
        pool.takeFees();
        vm.assertEq(token.totalSupply(), supply - 5 ether, "nobody stakes");
        stakeFor(other, STAKE);
        token.transfer(address(pool), 5 ether);
        pool.takeFees();
        pool.takeFees();
        assertClose(pendingOf(other), 5 ether, 1, "once");
    }

    // --- coming and going

    function test_less_than_the_minimum_is_refused() public {
        token.approve(address(pool), MINIMUM);
        vm.expectRevert(abi.encodeWithSelector(Stakes.StakeBelowMinimum.selector, MINIMUM, MINIMUM - 1));
        pool.stake(Wei.wrap(MINIMUM - 1));
        stakeFor(other, STAKE);
        vm.expectRevert(abi.encodeWithSelector(Stakes.StakeBelowMinimum.selector, MINIMUM, 1));
        vm.prank(other);
        pool.unstake(Wei.wrap(STAKE - 1));
        vm.prank(other);
        pool.unstake(Wei.wrap(STAKE)); // all of it may go
        vm.expectRevert(IStakePool.StakeAmountZero.selector);
        vm.prank(other);
        pool.unstake(Wei.wrap(0));
    }

    function test_what_leaves_comes_after_21_days() public {
        stakeFor(other, STAKE);
        vm.prank(other);
        pool.unstake(Wei.wrap(STAKE / 4));
        vm.warp(START + 1 days);
        vm.prank(other);
        pool.unstake(Wei.wrap(STAKE / 2));
        vm.warp(START + UNBONDING - 1);
        vm.expectRevert(abi.encodeWithSelector(Stakes.StakeNothingReady.selector, 2));
        vm.prank(other);
        pool.withdraw(other);
        vm.warp(START + UNBONDING);
        vm.prank(other);
        pool.withdraw(other);
        vm.assertEq(token.balanceOf(other), STAKE / 4, "the first");
        vm.assertEq(pool.exitsOf(other).length, 1, "one is left");
        vm.warp(START + 1 days + UNBONDING);
        vm.prank(other);
        pool.withdraw(other);
        vm.assertEq(token.balanceOf(other), (STAKE * 3) / 4, "both");
        vm.assertEq(pool.exitsOf(other).length, 0, "none is left");
    }

    function test_a_bond_leaves_as_a_bond() public {
        bondFor(steward, STAKE);
        vm.expectRevert(abi.encodeWithSelector(Stakes.StakeTooSmall.selector, STAKE, 0));
        vm.prank(steward);
        pool.unstake(Wei.wrap(STAKE));
        vm.prank(steward);
        pool.unbond(Wei.wrap(STAKE));
        vm.assertEq(Wei.unwrap(pool.totalBonds()), STAKE, "still a bond");
        vm.warp(START + UNBONDING);
        vm.prank(steward);
        pool.withdraw(steward);
        vm.assertEq(Wei.unwrap(pool.totalBonds()), 0, "gone");
        vm.assertEq(token.balanceOf(steward), STAKE, "paid");
    }

    function test_more_than_is_there_is_refused() public {
        stakeFor(other, STAKE);
        vm.expectRevert(abi.encodeWithSelector(Stakes.StakeTooSmall.selector, STAKE + 1, STAKE));
        vm.prank(other);
        pool.unstake(Wei.wrap(STAKE + 1));
        vm.expectRevert(abi.encodeWithSelector(Stakes.StakeTooSmall.selector, STAKE + 1, STAKE));
        vm.prank(other);
        pool.bond(Wei.wrap(STAKE + 1));
    }

    function test_sixteen_exits_are_the_most() public {
        stakeFor(other, STAKE);
        for (uint256 i = 0; i < 16; ++i) {
            vm.prank(other);
            pool.unstake(Wei.wrap(1 ether));
        }
        vm.expectRevert(abi.encodeWithSelector(Stakes.StakeTooManyExits.selector, 16));
        vm.prank(other);
        pool.unstake(Wei.wrap(1 ether));
    }

    function test_stake_and_bond_in_one_transaction() public {
        token.transfer(steward, STAKE);
        vm.prank(steward);
        token.approve(address(pool), STAKE);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IStakePool.stake, (Wei.wrap(STAKE)));
        calls[1] = abi.encodeCall(IStakePool.bond, (Wei.wrap(STAKE)));
        vm.prank(steward);
        pool.multicall(calls);
        vm.assertEq(bondedOf(steward), STAKE, "bonded");
        vm.assertEq(stakedOf(steward), 0, "nothing loose");
    }
}
