// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Gwei, UnixTime} from "./Units.sol";

/// An open bounty in one word: poster in bits 96 to 255, amount in bits 32 to 95, deadline in bits 0 to 31. Zero: none is open.
/// A struct of the same width would be read and cleared member by member; a word is read once and cleared once.
type BountySlot is uint256;

// No bounty. Writing it frees the slot.
BountySlot constant CLOSED = BountySlot.wrap(0);

using {isOpen, posterOf, amountOf, deadlineOf} for BountySlot global;

function packBounty(address poster, Gwei amount, UnixTime deadline) pure returns (BountySlot) {
    return
        BountySlot.wrap(
            (uint256(uint160(poster)) << 96) | (uint256(Gwei.unwrap(amount)) << 32) | UnixTime.unwrap(deadline)
        );
}

function isOpen(BountySlot slot) pure returns (bool) {
    return BountySlot.unwrap(slot) != 0;
}

function posterOf(BountySlot slot) pure returns (address) {
    return address(uint160(BountySlot.unwrap(slot) >> 96));
}

function amountOf(BountySlot slot) pure returns (Gwei) {
    return Gwei.wrap(uint64(BountySlot.unwrap(slot) >> 32));
}

function deadlineOf(BountySlot slot) pure returns (UnixTime) {
    return UnixTime.wrap(uint32(BountySlot.unwrap(slot)));
}
