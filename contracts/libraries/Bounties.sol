// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {BountySlot, CLOSED, packBounty} from "../types/BountySlot.sol";
import {BountyId, Gwei, UnixTime} from "../types/Units.sol";

/// @title Bounties: escrow for the answer to a docket of challenges
/// @notice Rules only. Market.sol checks signatures, reads the clock and keeps the accounts.
/// @dev Invariants, each tested by name in test/contracts/Market.invariants.t.sol:
///      INV1 solvent: the market's tokens >= the sum of balances + the sum of open bounties.
///      INV2 whole:   posted = swept + revoked + open.
///      INV3 once:    taking a bounty deletes it, so it is paid at most once, and never both swept and revoked.
///      INV4 bound:   a bounty's id contains its steward, so a bound bounty raises that steward's balance only, by all of its amount.
///      INV11 free:   a bounty's id contains its poster, so nobody can occupy another's ids.
library Bounties {
    /// How far ahead a deadline may lie: escrow that is forgotten comes back within two months. Seconds. contracts.md, Market.
    uint32 internal constant LONGEST_WAIT = 60 days;

    /// Time between the last sweep that counts and the first revoke, so that the two cannot race. Seconds. protocol.md 4.
    uint32 internal constant REVOKE_DELAY = 3600;

    error BountyKeyZero();
    error BountyAmountZero(address claimKey);
    error BountyAlreadyOpen(BountyId id);
    error BountyPastDeadline(UnixTime deadline, UnixTime moment);
    error BountyDeadlineTooFar(UnixTime latest, UnixTime deadline);
    error BountyNotOpen(BountyId id);
    error BountyOfOther(address poster, address caller);
    error BountyNotYetRevocable(UnixTime earliest, UnixTime moment);

    /// @param poster who posted it: nobody can occupy another's ids
    /// @param claimKey address of the key that the stored bytes and the nonces give
    /// @param steward who alone may be paid; zero: whoever holds the bytes
    function idOf(address poster, address claimKey, address steward) internal pure returns (BountyId id) {
        // keccak256(abi.encode(poster, claimKey, steward)) in memory that is free anyway: the loops of a batch do not grow it
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, shr(96, shl(96, poster)))
            mstore(add(free, 0x20), shr(96, shl(96, claimKey)))
            mstore(add(free, 0x40), shr(96, shl(96, steward)))
            id := keccak256(free, 0x60)
        }
    }

    /// @notice Refuse a deadline that has passed or lies more than 60 days ahead.
    function assertDeadline(UnixTime deadline, UnixTime moment) internal pure {
        if (moment > deadline) revert BountyPastDeadline(deadline, moment);
        UnixTime latest = moment.plusSeconds(LONGEST_WAIT);
        if (deadline > latest) revert BountyDeadlineTooFar(latest, deadline);
    }

    /// @notice Put a bounty into the book. The caller has checked the deadline and takes the amount from the poster.
    function put(
        mapping(BountyId id => BountySlot) storage book,
        BountyId id,
        address poster,
        address claimKey,
        Gwei amount,
        UnixTime deadline
    ) internal {
        if (claimKey == address(0)) revert BountyKeyZero();
        if (Gwei.unwrap(amount) == 0) revert BountyAmountZero(claimKey);
        if (book[id].isOpen()) revert BountyAlreadyOpen(id);
        book[id] = packBounty(poster, amount, deadline);
    }

    /// @notice Take an open bounty out of the book, to be paid to whoever proved the claim key.
    /// @param deadline the one the sweep signature names: an old signature does not serve a key that was posted again
    /// @param moment the block's time; the deadline itself is still in time
    /// @return amount gwei to credit, all of it or, when nothing fits, zero: one stale claim does not fail the others
    function take(
        mapping(BountyId id => BountySlot) storage book,
        BountyId id,
        UnixTime deadline,
        UnixTime moment
    ) internal returns (Gwei amount) {
        BountySlot slot = book[id];
        if (!slot.isOpen() || slot.deadlineOf() != deadline || moment > deadline) return Gwei.wrap(0);
        book[id] = CLOSED; // INV3; the event log is the record
        return slot.amountOf();
    }

    /// @notice Take back a bounty that nobody swept in time.
    /// @param caller must be its poster
    /// @return amount gwei to credit to the poster
    function takeBack(
        mapping(BountyId id => BountySlot) storage book,
        BountyId id,
        address caller,
        UnixTime moment
    ) internal returns (Gwei amount) {
        BountySlot slot = _existing(book, id);
        if (slot.posterOf() != caller) revert BountyOfOther(slot.posterOf(), caller);
        UnixTime earliest = slot.deadlineOf().plusSeconds(REVOKE_DELAY);
        if (moment < earliest) revert BountyNotYetRevocable(earliest, moment);
        book[id] = CLOSED; // INV3
        return slot.amountOf();
    }

    /// @notice The deadline of an open bounty, which a release must name.
    function deadlineOf(
        mapping(BountyId id => BountySlot) storage book,
        BountyId id
    ) internal view returns (UnixTime) {
        return _existing(book, id).deadlineOf();
    }

    /// @notice Take back a bounty whose steward released it. The caller has made the id from the poster and checked the release.
    /// @return amount gwei to credit to the poster
    function takeReleased(
        mapping(BountyId id => BountySlot) storage book,
        BountyId id
    ) internal returns (Gwei amount) {
        amount = _existing(book, id).amountOf();
        book[id] = CLOSED; // INV3
    }

    function _existing(
        mapping(BountyId id => BountySlot) storage book,
        BountyId id
    ) private view returns (BountySlot slot) {
        slot = book[id];
        if (!slot.isOpen()) revert BountyNotOpen(id);
    }
}
