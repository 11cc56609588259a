// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Standing} from "../../contracts/interfaces/IRegistrar.sol";
import {IStakePool} from "../../contracts/interfaces/IStakePool.sol";
import {Cases} from "../../contracts/libraries/Cases.sol";
import {Stakes} from "../../contracts/libraries/Stakes.sol";
import {Gwei, UnixTime, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {PoolStage} from "./PoolStage.sol";
import {SignerWallet} from "./mocks/SignerWallet.sol";

/// When a bond is taken, and when not.
contract StakePoolCasesTest is PoolStage {
    uint64 private constant BOND = 40e9; // gwei: 40 HOLD
    uint256 private constant HELD = 40 ether;

    function setUp() public override {
        super.setUp();
        bondFor(steward, STAKE); // a twentieth of it is 50 HOLD
    }

    function test_a_case_pays_the_repair_and_burns_the_rest() public {
        bytes32 id = proposed(0, BOND, 15e9);
        vm.assertEq(bondedOf(steward), STAKE - HELD, "held");
        vm.warp(START + 48 hours);
        pool.execute(id);
        vm.assertEq(pendingOf(uploader), 15 ether, "the uploader");
        vm.assertEq(Wei.unwrap(pool.totalBonds()), STAKE - HELD, "bonds");
        vm.assertEq(Wei.unwrap(pool.holdingOf(steward).held), 0, "nothing is held");
        vm.prank(uploader);
        pool.claim(uploader);
        vm.assertEq(token.balanceOf(uploader), 15 ether, "drawn");
    }

    function test_the_uploader_never_gets_more_than_half() public {
        bytes32 id = proposed(0, BOND, type(uint64).max);
        vm.warp(START + 48 hours);
        pool.poke();
        uint256 supply = token.totalSupply();
        pool.execute(id);
        vm.assertEq(pendingOf(uploader), HELD / 2, "half");
        vm.assertEq(token.totalSupply(), supply - HELD / 2, "and half is burned");
    }

    function test_nothing_happens_before_48_hours_or_long_after() public {
        bytes32 id = proposed(0, BOND, 1);
        UnixTime from = UnixTime.wrap(uint32(START + 48 hours));
        UnixTime until = UnixTime.wrap(uint32(START + 16 days));
        vm.warp(START + 48 hours - 1);
        expectNotExecutable(from, until);
        pool.execute(id);
        vm.warp(START + 16 days);
        vm.expectRevert(abi.encodeWithSelector(Cases.CaseNotLapsed.selector, until, until));
        pool.lapse(id);
        vm.warp(START + 16 days + 1);
        expectNotExecutable(from, until);
        pool.execute(id);
        pool.lapse(id);
        vm.assertEq(bondedOf(steward), STAKE, "given back");
        vm.expectRevert(abi.encodeWithSelector(Cases.CaseNotOpen.selector, id));
        pool.lapse(id);
    }

    function test_the_master_or_another_manager_vetoes_and_nobody_else() public {
        address[3] memory refused = [steward, uploader, other];
        bytes32 id = proposed(0, BOND, 1);
        for (uint256 i = 0; i < refused.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Cases.CaseManagerNotActing.selector, refused[i]));
            vm.prank(refused[i]);
            pool.veto(id);
        }
        vm.expectRevert(abi.encodeWithSelector(Cases.CaseVetoByProposer.selector, manager));
        vm.prank(manager);
        pool.veto(id);
        vm.prank(secondManager);
        pool.veto(id);
        vm.assertEq(bondedOf(steward), STAKE, "given back");
        vm.warp(START + 48 hours);
        vm.expectRevert(abi.encodeWithSelector(Cases.CaseNotOpen.selector, id));
        pool.execute(id);

        vm.warp(START + 60 days);
        id = proposed(1, BOND, 1);
        vm.prank(master);
        pool.veto(id);
        vm.assertEq(bondedOf(steward), STAKE, "given back again");
    }

    function test_only_the_own_manager_in_good_standing_proposes() public {
        address[3] memory refused = [secondManager, master, uploader];
        for (uint256 i = 0; i < refused.length; ++i) {
            IStakePool.Placement memory it = aPlacement(0, BOND);
            (bytes memory one, bytes memory two) = signaturesOf(it);
            vm.expectRevert(
                abi.encodeWithSelector(Cases.CaseNotByManager.selector, steward, manager, refused[i])
            );
            vm.prank(refused[i]);
            pool.propose(it, Gwei.wrap(BOND), Gwei.wrap(1), one, two, "");
        }
        vm.prank(secondManager);
        registrar.setStanding(manager, Standing.violation, 1, bytes32(uint256(1)));
        IStakePool.Placement memory again = aPlacement(0, BOND);
        (bytes memory a, bytes memory b) = signaturesOf(again);
        vm.expectRevert(abi.encodeWithSelector(Cases.CaseManagerNotActing.selector, manager));
        vm.prank(manager);
        pool.propose(again, Gwei.wrap(BOND), Gwei.wrap(1), a, b, "");
    }

    function test_a_placement_opens_one_case_whatever_comes_of_it() public {
        bytes32 id = proposed(0, BOND / 2, 1);
        vm.prank(secondManager);
        pool.veto(id);
        vm.warp(START + 60 days);
        expectRefused(aPlacement(0, BOND), 1, abi.encodeWithSelector(Cases.CaseOpenedBefore.selector, id));
        vm.assertTrue(pool.wasOpened(id), "opened");
    }

    function test_more_than_the_placements_bond_or_nothing_is_refused() public {
        uint64[2] memory amounts = [BOND + 1, 0];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory reason = abi.encodeWithSelector(
                Cases.CaseAmountOutside.selector,
                Gwei.wrap(BOND),
                Gwei.wrap(amounts[i])
            );
            expectRefused(aPlacement(0, BOND), amounts[i], reason);
        }
    }

    function test_both_must_have_signed_this_very_placement() public {
        IStakePool.Placement memory it = aPlacement(0, BOND);
        bytes32 id = pool.caseIdOf(it);
        (bytes memory byUploader, bytes memory bySteward) = signaturesOf(it);
        expectNotSigned(it, bySteward, bySteward, id, uploader);
        expectNotSigned(it, byUploader, byUploader, id, steward);
        expectNotSigned(it, byUploader, "", id, steward);
        // another's words: a higher bond than was signed
        it.bond = Gwei.wrap(BOND + 1);
        expectNotSigned(it, byUploader, bySteward, pool.caseIdOf(it), uploader);
        // and of another chain
        it.bond = Gwei.wrap(BOND);
        vm.chainId(99);
        expectNotSigned(it, byUploader, bySteward, pool.caseIdOf(it), uploader);
    }

    function test_an_uploader_that_is_a_contract_signs_by_its_own_rule() public {
        IStakePool.Placement memory it = aPlacement(0, BOND);
        it.uploader = address(new SignerWallet(other));
        bytes memory byOther = signPlacement(OTHER_KEY, it);
        bytes memory bySteward = signPlacement(STEWARD_KEY, it);
        vm.prank(manager);
        pool.propose(it, Gwei.wrap(BOND), Gwei.wrap(1e9), byOther, bySteward, "");
        vm.warp(START + 48 hours);
        pool.execute(pool.caseIdOf(it));
        vm.assertEq(pendingOf(it.uploader), 1 ether, "paid");
    }

    function test_one_manager_takes_at_most_a_twentieth_of_all_bonds_in_30_days() public {
        proposed(0, BOND, 1);
        bytes memory over = abi.encodeWithSelector(
            Cases.CaseOverManagersShare.selector,
            Wei.wrap(50 ether),
            Wei.wrap(51 ether)
        );
        expectRefused(aPlacement(1, BOND), 11e9, over);
        vm.warp(START + 30 days);
        expectRefused(aPlacement(1, BOND), 11e9, over);
        vm.warp(START + 31 days);
        proposed(1, BOND, 1);
    }

    function testFuzz_never_more_than_a_twentieth_within_any_30_days(uint32[8] calldata waits, uint64[8] calldata sums)
        public
    {
        uint256[8] memory moments;
        uint256[8] memory taken;
        uint256 moment = START;
        for (uint256 i = 0; i < 8; ++i) {
            moment += waits[i] % 15 days;
            vm.warp(moment);
            uint64 amount = 1 + (sums[i] % BOND);
            if (!tried(i, amount)) continue;
            (moments[i], taken[i]) = (moment, amount);
            uint256 within = 0;
            for (uint256 j = 0; j <= i; ++j) if (moments[j] + 30 days > moment) within += taken[j];
            vm.assertTrue(within * 1e9 * 20 <= STAKE, "a twentieth");
        }
    }

    function test_a_bond_that_leaves_still_answers() public {
        vm.prank(steward);
        pool.unbond(Wei.wrap(STAKE));
        vm.warp(START + UNBONDING - 1);
        bytes32 id = proposed(0, BOND, 15e9);
        vm.warp(START + UNBONDING + 48 hours);
        vm.prank(steward);
        pool.withdraw(steward);
        vm.assertEq(token.balanceOf(steward), STAKE - HELD, "without what is held");
        pool.execute(id);
        vm.assertEq(pendingOf(uploader), 15 ether, "paid");
        vm.assertEq(sumOf(steward), pendingOf(steward), "nothing but rewards is left");
    }

    function test_a_free_stake_never_answers() public {
        bondFor(uploader, 100 * STAKE); // so that the manager's share is no limit
        vm.prank(steward);
        pool.unbond(Wei.wrap(STAKE));
        vm.warp(START + UNBONDING);
        vm.prank(steward);
        pool.withdraw(steward);
        stakeFor(steward, STAKE);
        vm.prank(steward);
        pool.unstake(Wei.wrap(STAKE / 2));
        expectRefused(
            aPlacement(0, BOND),
            BOND,
            abi.encodeWithSelector(Stakes.StakeTooSmall.selector, HELD, 0)
        );
    }

    // --- builders

    function signaturesOf(IStakePool.Placement memory it) private view returns (bytes memory, bytes memory) {
        return (signPlacement(UPLOADER_KEY, it), signPlacement(STEWARD_KEY, it));
    }

    function proposed(uint256 n, uint64 amount, uint64 repairCost) private returns (bytes32) {
        IStakePool.Placement memory it = aPlacement(n, BOND);
        (bytes memory one, bytes memory two) = signaturesOf(it);
        vm.prank(manager);
        pool.propose(it, Gwei.wrap(amount), Gwei.wrap(repairCost), one, two, keccak256("verdict"));
        return pool.caseIdOf(it);
    }

    function tried(uint256 n, uint64 amount) private returns (bool) {
        IStakePool.Placement memory it = aPlacement(n, BOND);
        (bytes memory one, bytes memory two) = signaturesOf(it);
        vm.prank(manager);
        try pool.propose(it, Gwei.wrap(amount), Gwei.wrap(1), one, two, "") {
            return true;
        } catch {
            return false;
        }
    }

    function expectRefused(IStakePool.Placement memory it, uint64 amount, bytes memory reason) private {
        (bytes memory one, bytes memory two) = signaturesOf(it);
        vm.expectRevert(reason);
        vm.prank(manager);
        pool.propose(it, Gwei.wrap(amount), Gwei.wrap(1), one, two, "");
    }

    function expectNotSigned(
        IStakePool.Placement memory it,
        bytes memory one,
        bytes memory two,
        bytes32 id,
        address signer
    ) private {
        vm.expectRevert(abi.encodeWithSelector(Cases.CaseNotSigned.selector, id, signer));
        vm.prank(manager);
        pool.propose(it, Gwei.wrap(1), Gwei.wrap(1), one, two, "");
    }

    function expectNotExecutable(UnixTime from, UnixTime until) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                Cases.CaseNotExecutable.selector,
                from,
                until,
                UnixTime.wrap(uint32(block.timestamp))
            )
        );
    }
}
