// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IHoldToken} from "./interfaces/IHoldToken.sol";

/// @title HoldToken: the money of the market
/// @notice ERC-20 with permit, 18 decimals, burnable. No owner, no pause, no supply to begin with.
/// @dev The token is created before those who mint it, and each of them takes its place in its own constructor, once and for
///      ever. A place that somebody else took makes that constructor fail: a deployment that is complete has the right minters,
///      and no key was ever in between.
contract HoldToken is IHoldToken, ERC20, ERC20Burnable, ERC20Permit {
    /// @inheritdoc IHoldToken
    address public stakePool;
    /// @inheritdoc IHoldToken
    address public mine;

    constructor() ERC20("Holdfast", "HOLD") ERC20Permit("Holdfast") {}

    /// @inheritdoc IHoldToken
    function joinAsStakePool() external {
        if (stakePool != address(0)) revert HoldPlaceTaken(stakePool, msg.sender);
        stakePool = msg.sender;
        emit MinterJoined(msg.sender);
    }

    /// @inheritdoc IHoldToken
    function joinAsMine() external {
        if (mine != address(0)) revert HoldPlaceTaken(mine, msg.sender);
        mine = msg.sender;
        emit MinterJoined(msg.sender);
    }

    /// @inheritdoc IHoldToken
    function mint(address to, uint256 amount) external {
        if (msg.sender != stakePool && msg.sender != mine) revert HoldMintByOther(stakePool, mine, msg.sender);
        _mint(to, amount);
    }
}
