// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {SignedTypes} from "../../contracts/libraries/SignedTypes.sol";
import {BountyId, Gwei, GweiSum, UnixTime, Wei} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {HoldTokenFace, MarketFace, deployMarket, deployOwnToken} from "./Deploy.sol";

/// A market with a token, people in it, and builders of valid things.
abstract contract Stage {
    uint256 internal constant START = 1_800_000_000;
    uint32 internal constant DEADLINE = 1_800_273_600;
    uint64 internal constant FLOOR = 100_000; // gwei: 100 uHOLD
    uint64 internal constant AMOUNT = 9_663; // gwei
    uint256 internal constant FUNDS = 1_000 ether; // wei of HOLD in each balance

    uint256 internal constant UPLOADER_KEY = 0xA11CE;
    uint256 internal constant STEWARD_KEY = 0x57E3A;
    uint256 internal constant OTHER_KEY = 0x07BE2;
    uint256 internal constant CLAIM_KEY = 0xC1A13;

    address internal immutable uploader = vm.addr(UPLOADER_KEY);
    address internal immutable steward = vm.addr(STEWARD_KEY);
    address internal immutable other = vm.addr(OTHER_KEY);
    address internal immutable claimKey = vm.addr(CLAIM_KEY);

    HoldTokenFace internal token;
    MarketFace internal market;

    function setUp() public virtual {
        vm.warp(START);
        token = deployOwnToken();
        token.mint(address(this), 1_000_000 ether);
        market = deployMarket(address(token), FLOOR);
        fund(uploader, FUNDS);
    }

    /// Tokens into an account's balance in the market.
    function fund(address account, uint256 amount) internal {
        token.transfer(account, amount);
        vm.prank(account);
        token.approve(address(market), amount);
        vm.prank(account);
        market.deposit(Wei.wrap(amount));
    }

    function balanceOf(address account) internal view returns (uint256) {
        return Wei.unwrap(market.balances(account));
    }

    function inWei(uint64 amount) internal pure returns (uint256) {
        return uint256(amount) * 1e9;
    }

    function aPost(address key, uint64 amount) internal pure returns (IMarket.Post[] memory posts) {
        posts = new IMarket.Post[](1);
        posts[0] = IMarket.Post(key, Gwei.wrap(amount), keccak256("docket"), "");
    }

    /// The uploader's bounty of AMOUNT, bound to the steward, until DEADLINE.
    function aBoundBounty() internal returns (BountyId) {
        return aBounty(uploader, steward, claimKey, DEADLINE);
    }

    function aBounty(address poster, address to, address key, uint32 deadline) internal returns (BountyId) {
        vm.prank(poster);
        market.post(to, UnixTime.wrap(deadline), aPost(key, AMOUNT));
        return market.bountyId(poster, key, to);
    }

    /// keccak256 of the market's EIP-712 domain, made apart from the market.
    function domainOf(uint256 chainId, address contract_) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                    keccak256("Holdfast Market"),
                    keccak256("1"),
                    chainId,
                    contract_
                )
            );
    }

    function digestFor(uint256 chainId, address contract_, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domainOf(chainId, contract_), structHash));
    }

    function signClaim(uint256 secret, address payee, uint32 deadline) internal view returns (IMarket.Signature memory) {
        return signClaimAt(address(market), block.chainid, secret, payee, deadline);
    }

    function signClaimAt(
        address contract_,
        uint256 chainId,
        uint256 secret,
        address payee,
        uint32 deadline
    ) internal pure returns (IMarket.Signature memory) {
        bytes32 structHash = keccak256(
            abi.encode(keccak256("Sweep(address payee,uint32 deadline)"), payee, uint256(deadline))
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digestFor(chainId, contract_, structHash));
        return IMarket.Signature(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    function signRelease(uint256 secret, BountyId id, uint32 deadline) internal view returns (bytes memory) {
        bytes32 structHash = SignedTypes.release(id, UnixTime.wrap(deadline));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digestFor(block.chainid, address(market), structHash));
        return abi.encodePacked(r, s, v);
    }

    function aVoucher(address from, address to, uint128 cumulative) internal pure returns (IMarket.Voucher memory) {
        return IMarket.Voucher(from, to, GweiSum.wrap(cumulative));
    }

    function voucherDigestAt(
        uint256 chainId,
        address contract_,
        IMarket.Voucher memory voucher
    ) internal pure returns (bytes32) {
        bytes32 type_ = keccak256("Voucher(address from,address to,uint128 cumulative)");
        return digestFor(chainId, contract_, keccak256(abi.encode(type_, voucher)));
    }

    function signVoucher(uint256 secret, IMarket.Voucher memory voucher) internal view returns (bytes memory) {
        return sign(secret, voucherDigestAt(block.chainid, address(market), voucher));
    }

    function sign(uint256 secret, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digest);
        return abi.encodePacked(r, s, v);
    }

    /// The digest of a statement, made apart from the market.
    function netDigestAt(
        uint256 chainId,
        address contract_,
        IMarket.NetStatement memory it
    ) internal pure returns (bytes32) {
        bytes memory deltas;
        for (uint256 i = 0; i < it.deltas.length; ++i) {
            deltas = bytes.concat(
                deltas,
                keccak256(abi.encode(keccak256("Delta(address account,int128 amount)"), it.deltas[i]))
            );
        }
        bytes memory retired;
        for (uint256 i = 0; i < it.retired.length; ++i) {
            retired = bytes.concat(
                retired,
                keccak256(
                    abi.encode(keccak256("Retired(address from,address to,uint128 cumulative)"), it.retired[i])
                )
            );
        }
        bytes memory type_ = bytes.concat(
            "NetStatement(Delta[] deltas,Retired[] retired,bytes32 salt,uint32 expires)",
            "Delta(address account,int128 amount)Retired(address from,address to,uint128 cumulative)"
        );
        bytes memory words = abi.encode(keccak256(type_), keccak256(deltas), keccak256(retired), it.salt, it.expires);
        return digestFor(chainId, contract_, keccak256(words));
    }

    function netDigest(IMarket.NetStatement memory it) internal view returns (bytes32) {
        return netDigestAt(block.chainid, address(market), it);
    }

    function aGroup(
        address poster,
        uint32 deadline,
        bool open,
        IMarket.Signature memory claim
    ) internal pure returns (IMarket.Group[] memory groups) {
        groups = new IMarket.Group[](1);
        groups[0] = IMarket.Group(poster, UnixTime.wrap(deadline), open, new IMarket.Signature[](1));
        groups[0].claims[0] = claim;
    }

    /// Sweep the uploader's bounty on CLAIM_KEY with an honest signature for this payee and deadline.
    function sweepFor(address payee, uint32 deadline) internal {
        market.sweep(payee, aGroup(uploader, deadline, false, signClaim(CLAIM_KEY, payee, deadline)));
    }

    function anIdList(BountyId id) internal pure returns (BountyId[] memory ids) {
        ids = new BountyId[](1);
        ids[0] = id;
    }

    function aRelease(
        address key,
        address by,
        bytes memory signature
    ) internal pure returns (IMarket.Released[] memory released) {
        released = new IMarket.Released[](1);
        released[0] = IMarket.Released(key, by, signature);
    }

    function isOpen(BountyId id) internal view returns (bool) {
        (address poster, , ) = market.bounties(id);
        return poster != address(0);
    }
}
