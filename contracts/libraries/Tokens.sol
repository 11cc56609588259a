// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IBurnable} from "../interfaces/IBurnable.sol";
import {Wei} from "../types/Units.sol";

/// @title Tokens: moving a token whose word is not taken
/// @notice What came in is measured; what goes out is measured, and a token that takes more than it was told is refused.
/// @dev Callers hold a reentrancy lock: two measurements must not overlap.
library Tokens {
    using SafeERC20 for IBurnable;

    error TokenTookMore(Wei expected, Wei taken);

    /// @return received wei that really arrived: less than asked for when the token charges on transfer
    function pull(IBurnable token, address from, Wei amount) internal returns (Wei received) {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), Wei.unwrap(amount));
        return Wei.wrap(token.balanceOf(address(this)) - before);
    }

    function push(IBurnable token, address to, Wei amount) internal {
        uint256 before = token.balanceOf(address(this));
        token.safeTransfer(to, Wei.unwrap(amount));
        _assertTaken(amount, before, token.balanceOf(address(this)));
    }

    function burn(IBurnable token, Wei amount) internal {
        uint256 before = token.balanceOf(address(this));
        token.burn(Wei.unwrap(amount));
        _assertTaken(amount, before, token.balanceOf(address(this)));
    }

    /// INV1: if more left than was told, other people's money left.
    function _assertTaken(Wei expected, uint256 before, uint256 afterwards) private pure {
        if (afterwards + Wei.unwrap(expected) < before) revert TokenTookMore(expected, Wei.wrap(before - afterwards));
    }
}
