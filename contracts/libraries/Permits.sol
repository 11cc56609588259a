// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Permit} from "../interfaces/IRegistrar.sol";

/// @title Permits: what may be done for another
/// @notice Rules only. The same rules off chain: pool/permit.ts.
library Permits {
    /// Change the standing of members, as a registrar does.
    uint32 internal constant STANDING = 1;
    /// Say which delegate manages an agent, as the master does.
    uint32 internal constant ASSIGN = 2;
    /// Set the pool's policy, as the master does.
    uint32 internal constant POLICY = 4;
    /// Raise and lower members and give delegates their roles, as the master does.
    uint32 internal constant APPOINT = 8;

    /// Longest chain of permits, each cut from the one before.
    uint256 internal constant LINKS = 4;

    bytes32 private constant PERMIT =
        keccak256("Permit(bytes32 parent,address holder,uint32 scopes,uint32 expires,bytes32 id)");

    function structHash(Permit calldata it) internal pure returns (bytes32) {
        return keccak256(abi.encode(PERMIT, it.parent, it.holder, it.scopes, it.expires, it.id));
    }

    /// @return whether a permit cut from one of these scopes and this end allows no more and lasts no longer
    function isNoWider(Permit calldata it, uint32 scopes, uint32 expires) internal pure returns (bool) {
        return it.scopes & ~scopes == 0 && it.expires <= expires;
    }
}
