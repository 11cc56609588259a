// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title HoldToken: the money of the market
/// @notice ERC-20 with permit, 18 decimals, burnable. No owner, no pause.
/// @dev The minter is temporary: it stands in for the first distribution by work until that contract exists, on the dev chain
///      only, and it mints once. On every other chain the supply is zero and stays zero in this version.
contract HoldToken is ERC20, ERC20Burnable, ERC20Permit {
    /// @notice The only chain on which an initial minter may be named: the local dev chain.
    uint256 public constant DEV_CHAIN_ID = 31_337;

    /// @notice Who may mint, once. Zero: nobody, any more or ever.
    address public minter;

    error HoldMinterOnlyOnDevChain(uint256 expectedChainId, uint256 chainId);
    error HoldMintByOther(address expectedMinter, address caller);

    /// @param initialMinter may call `mint` once; must be zero everywhere but on chain id 31337
    constructor(address initialMinter) ERC20("Holdfast", "HOLD") ERC20Permit("Holdfast") {
        if (initialMinter != address(0) && block.chainid != DEV_CHAIN_ID) {
            revert HoldMinterOnlyOnDevChain(DEV_CHAIN_ID, block.chainid);
        }
        minter = initialMinter;
    }

    /// @notice Make the whole supply of a dev chain, once; from then on there is no minter. Accounts are funded by transfer.
    /// @param to who gets all of it
    /// @param amount wei of HOLD
    function mint(address to, uint256 amount) external {
        if (msg.sender != minter) revert HoldMintByOther(minter, msg.sender);
        minter = address(0);
        _mint(to, amount);
    }
}
