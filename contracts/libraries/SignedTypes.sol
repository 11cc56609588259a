// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {BountyId, UnixTime} from "../types/Units.sol";

/// @title SignedTypes: EIP-712 struct hashes of what the market takes signatures over
/// @notice The type strings are exact (protocol.md 5); vectors in test/vectors/protocol.json.
library SignedTypes {
    bytes32 internal constant SWEEP = keccak256("Sweep(address payee,uint32 deadline)");
    bytes32 internal constant RELEASE = keccak256("Release(bytes32 bountyId,uint32 deadline)");

    function sweep(address payee, UnixTime deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(SWEEP, payee, deadline));
    }

    function release(BountyId id, UnixTime deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(RELEASE, id, deadline));
    }
}
