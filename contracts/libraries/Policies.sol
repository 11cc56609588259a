// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Policy} from "../interfaces/IRegistrar.sol";

/// @title Policies: what a pool may ask of its members
/// @notice Rules only. Bounds are part of the pool's creation, so that members know from the start how far a master can go.
library Policies {
    /// All of it, in basis points.
    uint16 internal constant WHOLE = 10_000;

    /// @return whether each field lies between those of the bounds, and the fields fit each other
    function isWithin(Policy memory it, Policy memory least, Policy memory most) internal pure returns (bool) {
        return
            _between(least.feeShare, it.feeShare, most.feeShare) &&
            _between(least.rightShare, it.rightShare, most.rightShare) &&
            _between(least.muteShare, it.muteShare, most.muteShare) &&
            _between(least.panelSeats, it.panelSeats, most.panelSeats) &&
            _between(least.panelVotes, it.panelVotes, most.panelVotes) &&
            _between(least.panelLeast, it.panelLeast, most.panelLeast) &&
            (it.inviteOnly ? most.inviteOnly : !least.inviteOnly) &&
            _isCoherent(it);
    }

    /// Shares are parts of a whole, and a verdict takes more than half of a panel and no more than all of it.
    function _isCoherent(Policy memory it) private pure returns (bool) {
        return
            it.feeShare <= WHOLE &&
            it.rightShare <= WHOLE &&
            it.muteShare <= WHOLE &&
            it.panelVotes <= it.panelSeats &&
            uint256(it.panelVotes) * 2 > it.panelSeats;
    }

    function _between(uint16 least, uint16 value, uint16 most) private pure returns (bool) {
        return least <= value && value <= most;
    }
}
