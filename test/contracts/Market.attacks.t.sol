// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {Bounties} from "../../contracts/libraries/Bounties.sol";
import {BountyId, Gwei, UnixTime, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {MarketFace, deployMarket} from "./Deploy.sol";
import {Stage} from "./Stage.sol";

/// Each test is one way to cheat, tried as the cheat would, and what comes of it.
contract MarketAttacksTest is Stage {
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    /// Who sees the sweep in the mempool sends it again with itself as payee.
    function test_attack_swapped_payee() public {
        BountyId id = aBoundBounty();
        IMarket.Signature memory seen = signClaim(CLAIM_KEY, steward, DEADLINE);
        vm.prank(other);
        market.sweep(other, aGroup(uploader, DEADLINE, false, seen));
        vm.prank(other);
        market.sweep(other, aGroup(uploader, DEADLINE, true, seen));
        vm.assertEq(balanceOf(other), 0, "the thief gets nothing");
        vm.assertTrue(isOpen(id), "the bounty still waits for its steward");
        sweepFor(steward, DEADLINE);
        vm.assertEq(balanceOf(steward), inWei(AMOUNT), "who is paid");
    }

    /// The uploader knows the claim secret and signs for itself.
    function test_attack_uploader_claims_its_own_bounty() public {
        BountyId id = aBoundBounty();
        uint256 before = balanceOf(uploader);
        for (uint256 open = 0; open < 2; ++open) {
            market.sweep(uploader, aGroup(uploader, DEADLINE, open == 1, signClaim(CLAIM_KEY, uploader, DEADLINE)));
        }
        vm.assertEq(balanceOf(uploader), before, "nothing moved");
        vm.assertTrue(isOpen(id), "open");
    }

    /// A steward's signature from one market serves on no other: neither contract nor chain.
    function test_attack_replay_on_another_market() public {
        IMarket.Signature memory here = signClaim(CLAIM_KEY, steward, DEADLINE);
        MarketFace there = deployMarket(address(token), FLOOR);
        market = there;
        fund(uploader, FUNDS);
        BountyId id = aBoundBounty();
        there.sweep(steward, aGroup(uploader, DEADLINE, false, here));
        vm.assertEq(balanceOf(steward), 0, "nothing");
        vm.assertTrue(isOpen(id), "open");
    }

    function test_attack_replay_on_another_chain() public {
        aBoundBounty();
        IMarket.Signature memory elsewhere = signClaimAt(address(market), 1, CLAIM_KEY, steward, DEADLINE);
        market.sweep(steward, aGroup(uploader, DEADLINE, false, elsewhere));
        vm.assertEq(balanceOf(steward), 0, "signed for another chain");

        // and after a fork the code that is already there asks for signatures of its own chain
        IMarket.Signature memory before = signClaim(CLAIM_KEY, steward, DEADLINE);
        vm.chainId(99);
        market.sweep(steward, aGroup(uploader, DEADLINE, false, before));
        vm.assertEq(balanceOf(steward), 0, "signed before the fork");
        sweepFor(steward, DEADLINE);
        vm.assertEq(balanceOf(steward), inWei(AMOUNT), "signed for this chain");
    }

    /// Who sees a post in the mempool posts the same claim key first, for one gwei.
    function test_attack_front_run_post() public {
        fund(other, 1 ether);
        vm.prank(other);
        market.post(steward, UnixTime.wrap(DEADLINE), aPost(claimKey, 1));
        BountyId id = aBoundBounty(); // does not revert: the id contains the poster
        sweepFor(steward, DEADLINE);
        vm.assertEq(balanceOf(steward), inWei(AMOUNT), "the real one");
        vm.assertTrue(!isOpen(id), "swept");
    }

    function testFuzz_attack_occupied_ids(address attacker, address otherSteward) public {
        vm.assume(attacker != uploader && attacker != address(0) && attacker != address(market));
        vm.assume(attacker != address(this) && attacker != address(token));
        fund(attacker, 1 ether);
        vm.prank(attacker);
        market.post(otherSteward, UnixTime.wrap(DEADLINE), aPost(claimKey, 1));
        BountyId id = market.bountyId(attacker, claimKey, otherSteward);
        vm.assertTrue(
            BountyId.unwrap(id) != BountyId.unwrap(market.bountyId(uploader, claimKey, otherSteward)),
            "ids of two posters differ"
        );
        aBounty(uploader, otherSteward, claimKey, DEADLINE);
    }

    /// The uploader wants its money back before the steward had its time.
    function testFuzz_attack_early_revoke_by_the_uploader(uint32 wait) public {
        wait %= DEADLINE + 3600 - uint32(START);
        BountyId id = aBoundBounty();
        vm.warp(START + wait);
        vm.expectRevert(
            abi.encodeWithSelector(
                Bounties.BountyNotYetRevocable.selector,
                UnixTime.wrap(DEADLINE + 3600),
                UnixTime.wrap(uint32(START) + wait)
            )
        );
        vm.prank(uploader);
        market.revoke(anIdList(id));
    }

    /// The uploader forges the release, with its own key or with the claim secret, or uses one for another term.
    function test_attack_forged_release() public {
        BountyId id = aBoundBounty();
        uint256[2] memory forgers = [UPLOADER_KEY, CLAIM_KEY];
        for (uint256 i = 0; i < forgers.length; ++i) {
            bytes memory signature = signRelease(forgers[i], id, DEADLINE);
            vm.expectRevert(
                abi.encodeWithSelector(IMarket.ReleaseByOther.selector, id, steward, vm.addr(forgers[i]))
            );
            vm.prank(uploader);
            market.revokeReleased(aRelease(claimKey, steward, signature));
        }
        bytes memory ofAnotherTerm = signRelease(STEWARD_KEY, id, DEADLINE - 1);
        vm.expectRevert();
        vm.prank(uploader);
        market.revokeReleased(aRelease(claimKey, steward, ofAnotherTerm));
        vm.assertTrue(isOpen(id), "open");
    }

    /// An open bounty has steward zero, and a broken signature recovers to zero.
    function test_attack_release_of_an_open_bounty_by_a_broken_signature() public {
        BountyId id = aBounty(uploader, address(0), claimKey, DEADLINE);
        bytes[3] memory broken = [new bytes(65), new bytes(0), new bytes(64)];
        for (uint256 i = 0; i < broken.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IMarket.ReleaseByOther.selector, id, address(0), address(0))
            );
            vm.prank(uploader);
            market.revokeReleased(aRelease(claimKey, address(0), broken[i]));
        }
    }

    /// Somebody else's release, or one's own for somebody else's bounty, gives no money.
    function test_attack_release_used_by_a_stranger() public {
        BountyId id = aBoundBounty();
        bytes memory signature = signRelease(STEWARD_KEY, id, DEADLINE);
        vm.expectRevert(
            abi.encodeWithSelector(Bounties.BountyNotOpen.selector, market.bountyId(other, claimKey, steward))
        );
        vm.prank(other);
        market.revokeReleased(aRelease(claimKey, steward, signature));
    }

    function test_attack_revoke_of_somebody_elses_bounty() public {
        BountyId id = aBoundBounty();
        vm.warp(uint256(DEADLINE) + 3600);
        vm.expectRevert(abi.encodeWithSelector(Bounties.BountyOfOther.selector, uploader, other));
        vm.prank(other);
        market.revoke(anIdList(id));
    }

    /// A claim key is spent, posted again later, and the old signature lies on the chain for all to see.
    function test_attack_repost_of_a_spent_key_with_the_old_signature() public {
        aBoundBounty();
        IMarket.Signature memory old = signClaim(CLAIM_KEY, steward, DEADLINE);
        market.sweep(steward, aGroup(uploader, DEADLINE, false, old));

        vm.warp(uint256(DEADLINE) - 100);
        uint32 later = DEADLINE + 30 days;
        BountyId id = aBounty(uploader, steward, claimKey, later);
        market.sweep(steward, aGroup(uploader, DEADLINE, false, old)); // the group must name the slot's deadline
        market.sweep(steward, aGroup(uploader, later, false, old)); // and the signature the group's
        vm.assertEq(balanceOf(steward), inWei(AMOUNT), "paid once");
        vm.assertTrue(isOpen(id), "the new one waits for a new answer");
    }

    /// The same signature with the other s would be a second one for the same bounty.
    function test_attack_malleated_signature() public {
        BountyId id = aBoundBounty();
        IMarket.Signature memory claim = signClaim(CLAIM_KEY, steward, DEADLINE);
        uint256 s = uint256(claim.vs) & ~(uint256(1) << 255);
        vm.assertTrue(s <= HALF_ORDER, "low already");
        uint256 high = ORDER - s; // needs the top bit, which EIP-2098 gives to the parity: it cannot even be written down
        IMarket.Signature memory twin = IMarket.Signature(claim.r, bytes32(high ^ (uint256(1) << 255)));
        market.sweep(steward, aGroup(uploader, DEADLINE, false, twin));
        vm.assertEq(balanceOf(steward), 0, "nothing");
        vm.assertTrue(isOpen(id), "open");
    }

    /// ERC-1271 never counts for Sweep: a contract at the claim key's address that says yes to everything is not asked.
    function test_attack_claim_key_with_code() public {
        YesSayer yes = new YesSayer();
        BountyId id = aBounty(uploader, steward, address(yes), DEADLINE);
        market.sweep(steward, aGroup(uploader, DEADLINE, false, signClaim(CLAIM_KEY, steward, DEADLINE)));
        vm.assertTrue(isOpen(id), "open");
    }

    /// Nobody has a switch: the market answers to no owner and no pauser.
    function test_attack_there_is_nothing_to_pause() public {
        string[5] memory switches = ["pause()", "owner()", "transferOwnership(address)", "upgradeTo(address)", "grantRole(bytes32,address)"];
        for (uint256 i = 0; i < switches.length; ++i) {
            (bool ok, ) = address(market).call(abi.encodeWithSignature(switches[i], address(this), address(this)));
            vm.assertTrue(!ok, switches[i]);
        }
    }

    /// A swarm of strangers cannot hold up somebody's withdrawal.
    function test_attack_withdrawal_of_others_stays_free() public {
        fund(other, 1 ether);
        aBoundBounty();
        vm.prank(other);
        market.withdraw(Wei.wrap(1 ether), other);
        vm.assertEq(token.balanceOf(other), 1 ether, "drawn");
    }
}

contract YesSayer {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0x1626ba7e;
    }
}
