// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

/// @title IHoldToken: who makes the money, and how
interface IHoldToken {
    event MinterJoined(address indexed minter);

    error HoldPlaceTaken(address taken, address caller);
    error HoldMintByOther(address expectedStakePool, address expectedMine, address caller);

    /// @notice Take the place of the stake pool. Called by its constructor, once.
    function joinAsStakePool() external;

    /// @notice Take the place of the mine. Called by its constructor, once.
    function joinAsMine() external;

    /// @notice Make new tokens. Only the stake pool and the mine can.
    /// @param amount wei
    function mint(address to, uint256 amount) external;

    /// @notice Who mints what grows; zero until it joined.
    function stakePool() external view returns (address);

    /// @notice Who mints what is mined; zero until it joined.
    function mine() external view returns (address);
}
