// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {Accounts} from "../../contracts/libraries/Accounts.sol";
import {Bounties} from "../../contracts/libraries/Bounties.sol";
import {BountyId, Gwei, UnixTime, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {Stage} from "./Stage.sol";

/// The life of a bounty: posted, and then swept, revoked or released.
contract BountiesTest is Stage {
    uint32 private constant NOW = uint32(START);

    // --- post

    function test_a_post_escrows_the_amount_in_one_slot() public {
        IMarket.Post[] memory posts = aPost(claimKey, AMOUNT);
        posts[0].note = hex"00000001";
        BountyId id = market.bountyId(uploader, claimKey, steward);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.BountyPosted(
            id,
            steward,
            uploader,
            claimKey,
            Gwei.wrap(AMOUNT),
            UnixTime.wrap(DEADLINE),
            keccak256("docket"),
            hex"00000001"
        );
        vm.prank(uploader);
        market.post(steward, UnixTime.wrap(DEADLINE), posts);

        (address poster, Gwei amount, UnixTime deadline) = market.bounties(id);
        vm.assertEq(poster, uploader, "poster");
        vm.assertEq(Gwei.unwrap(amount), AMOUNT, "amount");
        vm.assertEq(UnixTime.unwrap(deadline), DEADLINE, "deadline");
        vm.assertEq(balanceOf(uploader), FUNDS - inWei(AMOUNT), "balance");
        vm.assertEq(token.balanceOf(address(market)), FUNDS, "held");
    }

    function test_posting_an_open_key_again_is_refused() public {
        BountyId id = aBoundBounty();
        vm.expectRevert(abi.encodeWithSelector(Bounties.BountyAlreadyOpen.selector, id));
        vm.prank(uploader);
        market.post(steward, UnixTime.wrap(DEADLINE), aPost(claimKey, AMOUNT));
    }

    function test_one_key_cannot_stand_twice_in_a_post() public {
        IMarket.Post[] memory posts = new IMarket.Post[](2);
        posts[0] = aPost(claimKey, AMOUNT)[0];
        posts[1] = aPost(claimKey, AMOUNT)[0];
        BountyId id = market.bountyId(uploader, claimKey, steward);
        vm.expectRevert(abi.encodeWithSelector(Bounties.BountyAlreadyOpen.selector, id));
        vm.prank(uploader);
        market.post(steward, UnixTime.wrap(DEADLINE), posts);
        vm.assertEq(balanceOf(uploader), FUNDS, "all or none");
    }

    function test_a_post_of_key_zero_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(Bounties.BountyKeyZero.selector));
        vm.prank(uploader);
        market.post(steward, UnixTime.wrap(DEADLINE), aPost(address(0), AMOUNT));
    }

    function test_a_post_of_nothing_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(Bounties.BountyAmountZero.selector, claimKey));
        vm.prank(uploader);
        market.post(steward, UnixTime.wrap(DEADLINE), aPost(claimKey, 0));
    }

    function test_a_deadline_may_be_this_second_and_not_the_last() public {
        aBounty(uploader, steward, claimKey, NOW);
        vm.expectRevert(
            abi.encodeWithSelector(Bounties.BountyPastDeadline.selector, UnixTime.wrap(NOW - 1), UnixTime.wrap(NOW))
        );
        vm.prank(uploader);
        market.post(other, UnixTime.wrap(NOW - 1), aPost(claimKey, AMOUNT));
    }

    function test_a_deadline_may_be_60_days_ahead_and_not_a_second_more() public {
        uint32 latest = NOW + 60 days;
        aBounty(uploader, steward, claimKey, latest);
        vm.expectRevert(
            abi.encodeWithSelector(
                Bounties.BountyDeadlineTooFar.selector,
                UnixTime.wrap(latest),
                UnixTime.wrap(latest + 1)
            )
        );
        vm.prank(uploader);
        market.post(other, UnixTime.wrap(latest + 1), aPost(claimKey, AMOUNT));
    }

    function test_a_post_over_the_balance_is_refused() public {
        vm.expectRevert(
            abi.encodeWithSelector(Accounts.BalanceTooSmall.selector, Wei.wrap(inWei(AMOUNT)), Wei.wrap(0))
        );
        vm.prank(other);
        market.post(steward, UnixTime.wrap(DEADLINE), aPost(claimKey, AMOUNT));
    }

    // --- sweep

    function test_a_sweep_credits_the_steward_with_all_of_it() public {
        BountyId id = aBoundBounty();
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.BountySwept(id, steward, Gwei.wrap(AMOUNT));
        sweepFor(steward, DEADLINE);
        vm.assertEq(balanceOf(steward), inWei(AMOUNT), "paid");
        vm.assertTrue(!isOpen(id), "slot deleted");
    }

    function test_sweep_at_the_deadline_is_in_time() public {
        aBoundBounty();
        vm.warp(DEADLINE);
        sweepFor(steward, DEADLINE);
        vm.assertEq(balanceOf(steward), inWei(AMOUNT), "paid");
    }

    function test_sweep_after_the_deadline_pays_nothing() public {
        BountyId id = aBoundBounty();
        vm.warp(uint256(DEADLINE) + 1);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.SweepMissed(claimKey, steward);
        sweepFor(steward, DEADLINE);
        vm.assertEq(balanceOf(steward), 0, "nothing");
        vm.assertTrue(isOpen(id), "still the poster's");
    }

    function test_a_second_sweep_pays_nothing() public {
        aBoundBounty();
        sweepFor(steward, DEADLINE);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.SweepMissed(claimKey, steward);
        sweepFor(steward, DEADLINE);
        vm.assertEq(balanceOf(steward), inWei(AMOUNT), "once");
    }

    function test_one_claim_twice_in_a_sweep_is_paid_once() public {
        aBoundBounty();
        IMarket.Group[] memory groups = new IMarket.Group[](2);
        groups[0] = aGroup(uploader, DEADLINE, false, signClaim(CLAIM_KEY, steward, DEADLINE))[0];
        groups[1] = groups[0];
        market.sweep(steward, groups);
        vm.assertEq(balanceOf(steward), inWei(AMOUNT), "once");
    }

    function test_a_stale_claim_does_not_fail_the_others() public {
        BountyId id = aBoundBounty();
        IMarket.Group[] memory groups = new IMarket.Group[](1);
        groups[0] = IMarket.Group(uploader, UnixTime.wrap(DEADLINE), false, new IMarket.Signature[](3));
        groups[0].claims[0] = signClaim(0xBAD, steward, DEADLINE);
        groups[0].claims[1] = IMarket.Signature(bytes32(0), bytes32(0));
        groups[0].claims[2] = signClaim(CLAIM_KEY, steward, DEADLINE);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.SweepMissed(vm.addr(0xBAD), steward);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.SweepMissed(address(0), steward);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.BountySwept(id, steward, Gwei.wrap(AMOUNT));
        market.sweep(steward, groups);
        vm.assertEq(balanceOf(steward), inWei(AMOUNT), "paid");
    }

    function test_an_open_bounty_pays_whomever_the_claim_key_names() public {
        aBounty(uploader, address(0), claimKey, DEADLINE);
        market.sweep(other, aGroup(uploader, DEADLINE, true, signClaim(CLAIM_KEY, other, DEADLINE)));
        vm.assertEq(balanceOf(other), inWei(AMOUNT), "paid");
    }

    function test_a_sweep_for_nobody_is_refused() public {
        aBounty(uploader, address(0), claimKey, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IMarket.PayeeMissing.selector));
        market.sweep(address(0), aGroup(uploader, DEADLINE, false, signClaim(CLAIM_KEY, address(0), DEADLINE)));
    }

    function testFuzz_a_sweep_pays_iff_it_is_in_time(uint32 ahead, uint32 wait, uint64 amount) public {
        ahead %= 60 days + 1;
        wait %= 120 days;
        amount = uint64(amount % 1e12) + 1;
        vm.prank(uploader);
        market.post(steward, UnixTime.wrap(NOW + ahead), aPost(claimKey, amount));
        vm.warp(START + wait);
        sweepFor(steward, NOW + ahead);
        vm.assertEq(balanceOf(steward), wait <= ahead ? inWei(amount) : 0, "paid");
    }

    function testFuzz_no_other_key_takes_the_bounty(uint256 secret) public {
        secret = (secret % (2 ** 255)) + 1;
        vm.assume(secret != CLAIM_KEY);
        BountyId id = aBoundBounty();
        market.sweep(steward, aGroup(uploader, DEADLINE, false, signClaim(secret, steward, DEADLINE)));
        vm.assertTrue(isOpen(id), "open");
        vm.assertEq(balanceOf(steward), 0, "nothing");
    }

    // --- revoke

    function test_revoke_at_deadline_plus_3599_is_too_early() public {
        BountyId id = aBoundBounty();
        vm.warp(uint256(DEADLINE) + 3599);
        vm.expectRevert(
            abi.encodeWithSelector(
                Bounties.BountyNotYetRevocable.selector,
                UnixTime.wrap(DEADLINE + 3600),
                UnixTime.wrap(DEADLINE + 3599)
            )
        );
        vm.prank(uploader);
        market.revoke(anIdList(id));
    }

    function test_revoke_at_deadline_plus_3600_gives_all_of_it_back() public {
        BountyId id = aBoundBounty();
        vm.warp(uint256(DEADLINE) + 3600);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.BountyRevoked(id, Gwei.wrap(AMOUNT));
        vm.prank(uploader);
        market.revoke(anIdList(id));
        vm.assertEq(balanceOf(uploader), FUNDS, "balance");
        vm.assertTrue(!isOpen(id), "closed");
    }

    function test_revoking_twice_is_refused() public {
        BountyId id = aBoundBounty();
        vm.warp(uint256(DEADLINE) + 3600);
        vm.prank(uploader);
        market.revoke(anIdList(id));
        vm.expectRevert(abi.encodeWithSelector(Bounties.BountyNotOpen.selector, id));
        vm.prank(uploader);
        market.revoke(anIdList(id));
    }

    function test_a_swept_bounty_cannot_be_revoked() public {
        BountyId id = aBoundBounty();
        sweepFor(steward, DEADLINE);
        vm.warp(uint256(DEADLINE) + 3600);
        vm.expectRevert(abi.encodeWithSelector(Bounties.BountyNotOpen.selector, id));
        vm.prank(uploader);
        market.revoke(anIdList(id));
    }

    function test_a_revoked_bounty_cannot_be_swept() public {
        BountyId id = aBoundBounty();
        vm.warp(uint256(DEADLINE) + 3600);
        vm.prank(uploader);
        market.revoke(anIdList(id));
        vm.warp(DEADLINE); // even if the clock stood still
        sweepFor(steward, DEADLINE);
        vm.assertEq(balanceOf(steward), 0, "nothing");
    }

    // --- release

    function test_a_release_by_the_steward_gives_it_back_at_once() public {
        BountyId id = aBoundBounty();
        bytes memory signature = signRelease(STEWARD_KEY, id, DEADLINE);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.BountyRevoked(id, Gwei.wrap(AMOUNT));
        vm.prank(uploader);
        market.revokeReleased(aRelease(claimKey, steward, signature));
        vm.assertEq(balanceOf(uploader), FUNDS, "balance");
    }

    function test_releasing_what_is_not_open_is_refused() public {
        BountyId id = market.bountyId(uploader, claimKey, steward);
        bytes memory signature = signRelease(STEWARD_KEY, id, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(Bounties.BountyNotOpen.selector, id));
        vm.prank(uploader);
        market.revokeReleased(aRelease(claimKey, steward, signature));
    }
}
