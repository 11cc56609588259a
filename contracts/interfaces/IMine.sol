// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Wei} from "../types/Units.sol";

/// @title IMine: the first distribution, by work
interface IMine {
    /// A reward was paid. `next` is the challenge from here on.
    event Mined(address indexed miner, Wei reward, bytes32 next);
    event TargetChanged(uint256 target);

    error MineHashNotBelowTarget(uint256 target, uint256 hash);
    error MineMinerMissing();
    error MineTargetOutside(uint256 most, uint256 target);

    /// @notice Pay the reward for a solution. Anyone may submit it; the miner is part of what was solved.
    /// @param nonce keccak256(abi.encode(challenge, miner, nonce)) must be below the target
    function solve(address miner, uint256 nonce) external;

    /// @notice What the next solution must answer.
    function challenge() external view returns (bytes32);

    /// @notice A solution's hash must be below it.
    function target() external view returns (uint256);

    /// @notice What has been paid so far. Wei.
    function mined() external view returns (Wei);

    /// @notice What the next solution pays. Wei.
    function reward() external view returns (Wei);
}
