// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IMine} from "../../contracts/interfaces/IMine.sol";
import {Work} from "../../contracts/libraries/Work.sol";
import {Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {publicKeyOf} from "./Curve.sol";
import {HoldTokenFace, MineFace, StakePoolFace, deployMine, deployRegistrar, deployStakePool, deployToken} from "./Deploy.sol";

/// The first distribution: by work, for whoever does it.
contract MineTest {
    uint256 private constant START = 1_800_000_000;
    uint256 private constant TRIVIAL = type(uint256).max;
    uint256 private constant KAPPA = 139_761_942_375_158_697;
    uint256 private constant ALL = 268_435_456 ether;
    address private constant MINER = address(0x313E2);

    HoldTokenFace private token;
    StakePoolFace private pool;

    function setUp() public {
        vm.warp(START);
        token = deployToken();
        address registrar = address(deployRegistrar(publicKeyOf(0x3A57E2), 365 days));
        pool = deployStakePool(address(token), registrar, KAPPA, 1 ether);
    }

    function open(uint256 target) private returns (MineFace) {
        return deployMine(address(token), address(pool), target);
    }

    function test_the_first_challenge_is_that_of_the_formula() public {
        MineFace mine = open(TRIVIAL);
        bytes32 expected = keccak256(
            abi.encode("holdfast/mine/1", block.chainid, address(mine), blockhash(block.number - 1))
        );
        vm.assertEq(mine.challenge(), expected, "challenge");
        vm.assertEq(token.mine(), address(mine), "joined");
        vm.assertEq(token.totalSupply(), 0, "no premine");
    }

    function test_each_reward_is_a_part_of_the_rest_and_changes_the_challenge() public {
        MineFace mine = open(TRIVIAL);
        bytes32 first = mine.challenge();
        mine.solve(MINER, 7);
        vm.assertEq(token.balanceOf(MINER), 1_024 ether, "the first: 1,024 HOLD");
        vm.assertEq(Wei.unwrap(mine.reward()), (ALL - 1_024 ether) >> 18, "the next");
        vm.assertEq(
            mine.challenge(),
            keccak256(abi.encode(first, blockhash(block.number - 1))),
            "the challenge of the formula"
        );
        mine.solve(MINER, 7);
        vm.assertEq(Wei.unwrap(mine.mined()), token.totalSupply(), "all there is was mined");
    }

    function test_a_hash_that_is_not_below_the_target_is_refused() public {
        uint256 target = TRIVIAL >> 4;
        MineFace mine = open(target);
        (uint256 right, uint256 wrong, uint256 hash) = search(mine, MINER);
        vm.expectRevert(abi.encodeWithSelector(IMine.MineHashNotBelowTarget.selector, target, hash));
        mine.solve(MINER, wrong);
        mine.solve(MINER, right);
        vm.assertEq(token.balanceOf(MINER), 1_024 ether, "paid");
    }

    /// Who sees a solution in the mempool can send it, and pays its gas for the miner.
    function test_attack_a_seen_solution_pays_its_miner() public {
        MineFace mine = open(TRIVIAL >> 4);
        (uint256 right, , ) = search(mine, MINER);
        vm.prank(address(0xBAD));
        mine.solve(MINER, right);
        vm.assertEq(token.balanceOf(MINER), 1_024 ether, "the miner");
        vm.assertEq(token.balanceOf(address(0xBAD)), 0, "not the sender");
    }

    function test_attack_a_solution_serves_once() public {
        MineFace mine = open(TRIVIAL >> 12);
        (uint256 right, , ) = search(mine, MINER);
        mine.solve(MINER, right);
        vm.expectRevert();
        mine.solve(MINER, right);
    }

    function test_nobody_mines_for_nobody() public {
        MineFace mine = open(TRIVIAL);
        vm.expectRevert(IMine.MineMinerMissing.selector);
        mine.solve(address(0), 1);
    }

    function testFuzz_elsewhere_a_trivial_start_is_refused(uint64 chainId) public {
        vm.assume(chainId != 31_337 && chainId != 0);
        vm.chainId(chainId);
        uint256 most = TRIVIAL >> 32;
        vm.expectRevert(abi.encodeWithSelector(IMine.MineTargetOutside.selector, most, most + 1));
        open(most + 1);
        vm.expectRevert(abi.encodeWithSelector(IMine.MineTargetOutside.selector, most, 0));
        open(0);
        open(most);
    }

    function test_144_rewards_set_the_target_anew() public {
        uint256 target = TRIVIAL >> 1;
        MineFace mine = open(target);
        solveMany(mine, 143);
        vm.assertEq(mine.target(), target, "not yet");
        vm.warp(START + 12 hours);
        solveMany(mine, 1);
        vm.assertEq(mine.target() / 1e9, target / 2 / 1e9, "half the time, half the target");
        vm.warp(START + 12 hours + 1);
        solveMany(mine, 144);
        vm.assertEq(mine.target() / 1e9, target / 8 / 1e9, "at most to a quarter");
    }

    function testFuzz_the_target_follows_the_time_within_bounds(uint256 target, uint32 elapsed) public pure {
        uint256 next = Work.retarget(target, elapsed);
        uint256 counted = elapsed < 6 hours ? 6 hours : elapsed > 4 days ? 4 days : elapsed;
        vm.assertTrue(next >= 1, "never nothing");
        if (target < TRIVIAL / 4 days) {
            uint256 exact = (target * counted) / 1 days;
            vm.assertEq(next, exact == 0 ? 1 : exact, "exact");
        } else if (counted >= 1 days) {
            vm.assertTrue(next >= target, "not harder after a slow day");
        } else {
            vm.assertTrue(next <= target, "not easier after a fast day");
        }
    }

    /// What is mined now does not grow for the time before: the mine pokes the pool first.
    function test_INV9_what_is_mined_grows_from_then_on() public {
        MineFace mine = open(TRIVIAL);
        mine.solve(address(this), 1);
        token.approve(address(pool), 1 ether);
        pool.stake(Wei.wrap(1 ether));
        vm.warp(START + 365 days);
        mine.solve(MINER, 1);
        uint256 second = (ALL - 1_024 ether) >> 18;
        uint256 supply = token.totalSupply();
        vm.assertTrue(supply <= (1_024 ether * 115) / 100 + second, "15 % of the first only");
        vm.assertTrue(supply > (1_024 ether * 1_149_999) / 1_000_000 + second, "and that");
        pool.poke();
        vm.assertEq(token.totalSupply(), supply, "it was poked");
    }

    function solveMany(MineFace mine, uint256 count) private {
        for (uint256 i = 0; i < count; ++i) {
            (uint256 right, , ) = search(mine, MINER);
            mine.solve(MINER, right);
        }
    }

    /// @return right a nonce that solves, and one that does not (if one came first) with its hash
    function search(MineFace mine, address miner) private view returns (uint256 right, uint256 wrong, uint256 hash) {
        (bytes32 challenge, uint256 target) = (mine.challenge(), mine.target());
        for (right = 0; ; ++right) {
            uint256 found = uint256(keccak256(abi.encode(challenge, miner, right)));
            if (found < target) break;
            (wrong, hash) = (right, found);
        }
        while (hash < target) {
            ++wrong;
            hash = uint256(keccak256(abi.encode(challenge, miner, wrong)));
            if (target == type(uint256).max) break;
        }
    }
}
