// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title What the market asks of its token beyond ERC-20
interface IBurnable is IERC20 {
    /// @notice Destroy the caller's own tokens.
    /// @param amount wei
    function burn(uint256 amount) external;
}
