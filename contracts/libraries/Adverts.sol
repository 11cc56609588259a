// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Gwei} from "../types/Units.sol";

/// @title Adverts: what it costs to call for bids
/// @notice Rules only. The fee makes it dear to advertise what one does not mean to buy.
library Adverts {
    /// An advert costs one part in fifty, 2 %, of what it asks for. contracts.md, Market.
    uint256 internal constant FEE_DIVISOR = 50;

    /// @param value gwei the advert stands for
    /// @param floor least fee, gwei
    /// @return fee max(value / 50 rounded up, floor), gwei. Rounding is in favour of whoever gets the fee.
    function feeOf(Gwei value, Gwei floor) internal pure returns (Gwei fee) {
        uint256 share = (uint256(Gwei.unwrap(value)) + FEE_DIVISOR - 1) / FEE_DIVISOR;
        // at most (2^64 + 49) / 50: fits
        return share > Gwei.unwrap(floor) ? Gwei.wrap(uint64(share)) : floor;
    }
}
