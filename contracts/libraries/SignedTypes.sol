// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IMarket} from "../interfaces/IMarket.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {BountyId, UnixTime} from "../types/Units.sol";

/// @title SignedTypes: EIP-712 struct hashes of what the market takes signatures over
/// @notice The type strings are exact (protocol.md 5); vectors in test/vectors/protocol.json.
library SignedTypes {
    bytes32 internal constant SWEEP = keccak256("Sweep(address payee,uint32 deadline)");
    bytes32 internal constant RELEASE = keccak256("Release(bytes32 bountyId,uint32 deadline)");

    bytes32 internal constant VOUCHER = keccak256("Voucher(address from,address to,uint128 cumulative)");
    bytes32 internal constant DELTA = keccak256("Delta(address account,int128 amount)");
    bytes32 internal constant RETIRED = keccak256("Retired(address from,address to,uint128 cumulative)");
    bytes32 internal constant NET_STATEMENT =
        keccak256(
            "NetStatement(Delta[] deltas,Retired[] retired,bytes32 salt,uint32 expires)"
            "Delta(address account,int128 amount)"
            "Retired(address from,address to,uint128 cumulative)"
        );
    bytes32 internal constant PLACEMENT =
        keccak256(
            "Placement(address uploader,address steward,bytes32 blobId,uint64 length,uint128 price,uint128 egressPrice,"
            "uint64 egressFree,uint32 start,uint32 end,uint32 grace,uint64 bond,bytes32 answersRoot,bytes32 tokenHash,"
            "bytes32 advert,uint32 offerUntil,uint32 version)"
        );

    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    /// @return the domain separator of a market, for other contracts that take what was signed for it
    function marketDomain(address market) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, keccak256("Holdfast Market"), keccak256("1"), block.chainid, market));
    }

    function sweep(address payee, UnixTime deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(SWEEP, payee, deadline));
    }

    function release(BountyId id, UnixTime deadline) internal pure returns (bytes32) {
        return keccak256(abi.encode(RELEASE, id, deadline));
    }

    function voucher(IMarket.Voucher calldata it) internal pure returns (bytes32) {
        return keccak256(abi.encode(VOUCHER, it.from, it.to, it.cumulative));
    }

    function netStatement(IMarket.NetStatement calldata it) internal pure returns (bytes32) {
        bytes32[] memory deltas = new bytes32[](it.deltas.length);
        for (uint256 i = 0; i < deltas.length; ++i) {
            deltas[i] = keccak256(abi.encode(DELTA, it.deltas[i].account, it.deltas[i].amount));
        }
        bytes32[] memory retired = new bytes32[](it.retired.length);
        for (uint256 i = 0; i < retired.length; ++i) {
            IMarket.Retired calldata one = it.retired[i];
            retired[i] = keccak256(abi.encode(RETIRED, one.from, one.to, one.cumulative));
        }
        return
            keccak256(
                abi.encode(
                    NET_STATEMENT,
                    keccak256(abi.encodePacked(deltas)),
                    keccak256(abi.encodePacked(retired)),
                    it.salt,
                    it.expires
                )
            );
    }

    /// The members of a Placement are all words, so the struct encodes as the words of its hash.
    function placement(IStakePool.Placement calldata it) internal pure returns (bytes32) {
        return keccak256(bytes.concat(PLACEMENT, abi.encode(it)));
    }
}
