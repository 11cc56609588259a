// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IBurnable} from "../../contracts/interfaces/IBurnable.sol";
import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {IRegistrar} from "../../contracts/interfaces/IRegistrar.sol";
import {vm} from "./Cheats.sol";

// The contracts under test are created from the compiled artifacts, the same bytes that the bindings carry, and met only by
// their interfaces. (To import them would have the compiler build each of them again for every test.)

/// All that can be called on the token.
interface HoldTokenFace is IERC20Metadata, IERC20Permit, IBurnable {
    error HoldMinterOnlyOnDevChain(uint256 expectedChainId, uint256 chainId);
    error HoldMintByOther(address expectedMinter, address caller);

    function mint(address to, uint256 amount) external;
    function minter() external view returns (address);
}

/// All that can be called on the market.
interface MarketFace is IMarket, IERC5267 {
    function multicall(bytes[] calldata calls) external returns (bytes[] memory);
    function token() external view returns (address);
}

/// All that can be called on the registrar.
interface RegistrarFace is IRegistrar, IERC5267 {
    function multicall(bytes[] calldata calls) external returns (bytes[] memory);
}

function deployToken(address minter) returns (HoldTokenFace) {
    return HoldTokenFace(create(vm.getCode("HoldToken.sol:HoldToken"), abi.encode(minter)));
}

function deployMarket(address token, uint64 floor) returns (MarketFace) {
    return MarketFace(create(vm.getCode("Market.sol:Market"), abi.encode(token, floor)));
}

function deployRegistrar(bytes memory masterKey, uint32 period) returns (RegistrarFace) {
    return RegistrarFace(create(vm.getCode("Registrar.sol:Registrar"), abi.encode(masterKey, period)));
}

function create(bytes memory code, bytes memory args) returns (address made) {
    bytes memory init = bytes.concat(code, args);
    assembly ("memory-safe") {
        made := create(0, add(init, 0x20), mload(init))
        if iszero(made) {
            let free := mload(0x40)
            returndatacopy(free, 0, returndatasize())
            revert(free, returndatasize())
        }
    }
}
