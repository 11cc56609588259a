// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {IMarket} from "../../contracts/interfaces/IMarket.sol";
import {Bounties} from "../../contracts/libraries/Bounties.sol";
import {IStakePool} from "../../contracts/interfaces/IStakePool.sol";
import {SignedTypes} from "../../contracts/libraries/SignedTypes.sol";
import {BountyId, Gwei, GweiSum, UnixTime} from "../../contracts/types/Units.sol";
import {vm} from "./Cheats.sol";
import {MarketFace, StakePoolFace, deployMarket, deployStakePool} from "./Deploy.sol";
import {Stage} from "./Stage.sol";

/// The values of test/vectors/protocol.json, made by an independent program, as the contract sees them.
contract MarketVectorsTest is Stage {
    string private vectors;
    address private constant VECTOR_MARKET = 0x1111111111111111111111111111111111111111;

    function setUp() public override {
        super.setUp();
        vectors = vm.readFile("test/vectors/protocol.json");
        // The vectors name a market address: the code of a real market, created there, computes its domain for it.
        vm.chainId(vm.parseJsonUint(vectors, ".eip712.domain.chainId"));
        MarketFace made = deployMarket(address(token), FLOOR);
        vm.etch(VECTOR_MARKET, address(made).code);
        market = MarketFace(VECTOR_MARKET);
        fund(sampleAddress(".eip712.bountyId.poster"), FUNDS);
    }

    function test_the_domain_is_that_of_the_vectors() public view {
        (, string memory name, string memory version, uint256 chainId, address at_, , ) = market.eip712Domain();
        vm.assertEq(name, vm.parseJsonString(vectors, ".eip712.domain.name"), "name");
        vm.assertEq(version, vm.parseJsonString(vectors, ".eip712.domain.version"), "version");
        vm.assertEq(chainId, vm.parseJsonUint(vectors, ".eip712.domain.chainId"), "chain id");
        vm.assertEq(at_, sampleAddress(".eip712.domain.verifyingContract"), "contract");
    }

    function test_the_sweep_digest_is_that_of_the_vectors() public view {
        bytes32 digest = digestFor(
            block.chainid,
            VECTOR_MARKET,
            SignedTypes.sweep(sampleAddress(".eip712.sweep.payee"), sampleDeadline())
        );
        vm.assertEq(digest, vm.parseJsonBytes32(vectors, ".eip712.sweep.digest"), "digest");
    }

    function test_the_release_digest_is_that_of_the_vectors() public view {
        BountyId id = BountyId.wrap(vm.parseJsonBytes32(vectors, ".eip712.release.bountyId"));
        UnixTime deadline = UnixTime.wrap(uint32(vm.parseJsonUint(vectors, ".eip712.release.deadline")));
        bytes32 digest = digestFor(block.chainid, VECTOR_MARKET, SignedTypes.release(id, deadline));
        vm.assertEq(digest, vm.parseJsonBytes32(vectors, ".eip712.release.digest"), "digest");
    }

    function test_the_voucher_digest_is_that_of_the_vectors() public view {
        IMarket.Voucher memory voucher = aVoucher(
            sampleAddress(".eip712.voucher.from"),
            sampleAddress(".eip712.voucher.to"),
            uint128(vm.parseUint(vm.parseJsonString(vectors, ".eip712.voucher.cumulative")))
        );
        bytes32 digest = digestFor(block.chainid, VECTOR_MARKET, this.hashOfVoucher(voucher));
        vm.assertEq(digest, vm.parseJsonBytes32(vectors, ".eip712.voucher.digest"), "digest");
        vm.assertEq(digest, voucherDigestAt(block.chainid, VECTOR_MARKET, voucher), "and of the tests");
    }

    function test_the_net_statement_digest_is_that_of_the_vectors() public view {
        IMarket.NetStatement memory it;
        (address first, address second) = (
            0x2222222222222222222222222222222222222222,
            0x3333333333333333333333333333333333333333
        );
        it.deltas = new IMarket.Delta[](2);
        it.deltas[0] = IMarket.Delta(first, -5);
        it.deltas[1] = IMarket.Delta(second, 5);
        it.retired = new IMarket.Retired[](1);
        it.retired[0] = IMarket.Retired(first, second, GweiSum.wrap(7));
        it.salt = bytes32(uint256(0x0b) * (type(uint256).max / 255));
        it.expires = UnixTime.wrap(uint32(vm.parseJsonUint(vectors, ".eip712.netStatement.expires")));
        bytes32 digest = digestFor(block.chainid, VECTOR_MARKET, this.hashOfNet(it));
        vm.assertEq(digest, vm.parseJsonBytes32(vectors, ".eip712.netStatement.digest"), "digest");
        vm.assertEq(digest, netDigestAt(block.chainid, VECTOR_MARKET, it), "and of the tests");
    }

    function hashOfVoucher(IMarket.Voucher calldata it) external pure returns (bytes32) {
        return SignedTypes.voucher(it);
    }

    function hashOfNet(IMarket.NetStatement calldata it) external pure returns (bytes32) {
        return SignedTypes.netStatement(it);
    }

    function test_the_bounty_id_is_that_of_the_vectors() public view {
        BountyId id = market.bountyId(
            sampleAddress(".eip712.bountyId.poster"),
            sampleAddress(".eip712.bountyId.claimKey"),
            sampleAddress(".eip712.bountyId.steward")
        );
        vm.assertEq(BountyId.unwrap(id), vm.parseJsonBytes32(vectors, ".eip712.bountyId.id"), "id");
    }

    /// The whole way: the vectors' claim secret made the signature, and the market pays the bounty it names.
    function test_the_signature_of_the_vectors_sweeps_the_bounty_of_the_vectors() public {
        address poster = sampleAddress(".eip712.bountyId.poster");
        address payee = sampleAddress(".eip712.sweep.payee");
        address key = sampleAddress(".challenge.docketOfOne.claimKey");
        BountyId id = aBounty(poster, payee, key, UnixTime.unwrap(sampleDeadline()));
        vm.assertEq(BountyId.unwrap(id), vm.parseJsonBytes32(vectors, ".eip712.bountyId.id"), "id");

        IMarket.Signature memory claim = IMarket.Signature(
            vm.parseJsonBytes32(vectors, ".eip712.sweep.signatureByDocketOfOne.r"),
            vm.parseJsonBytes32(vectors, ".eip712.sweep.signatureByDocketOfOne.yParityAndS")
        );
        market.sweep(payee, aGroup(poster, UnixTime.unwrap(sampleDeadline()), false, claim));
        vm.assertEq(balanceOf(payee), inWei(AMOUNT), "paid");
    }

    /// The signer agrees too: the same secret over the same digest gives the same bytes.
    function test_the_claim_secret_of_the_vectors_gives_the_claim_key_and_the_signature() public view {
        uint256 secret = uint256(sampleWord(".challenge.docketOfOne.claimSecret"));
        vm.assertEq(vm.addr(secret), sampleAddress(".challenge.docketOfOne.claimKey"), "claim key");
        IMarket.Signature memory claim = signClaim(
            secret,
            sampleAddress(".eip712.sweep.payee"),
            UnixTime.unwrap(sampleDeadline())
        );
        vm.assertEq(claim.r, vm.parseJsonBytes32(vectors, ".eip712.sweep.signatureByDocketOfOne.r"), "r");
        vm.assertEq(claim.vs, vm.parseJsonBytes32(vectors, ".eip712.sweep.signatureByDocketOfOne.yParityAndS"), "vs");
    }

    function test_the_docket_hashes_of_the_vectors_are_keccak256_of_the_dockets() public view {
        bytes memory one = vm.parseBytes(vm.parseJsonString(vectors, ".challenge.docketOfOne.docket"));
        bytes memory two = vm.parseBytes(vm.parseJsonString(vectors, ".challenge.docketOfTwo.docket"));
        vm.assertEq(keccak256(one), sampleWord(".challenge.docketOfOne.docketHash"), "one");
        vm.assertEq(keccak256(two), sampleWord(".challenge.docketOfTwo.docketHash"), "two");
    }

    function testFuzz_the_id_made_in_memory_is_that_of_abi_encode(address a, address b, address c) public pure {
        vm.assertEq(BountyId.unwrap(Bounties.idOf(a, b, c)), keccak256(abi.encode(a, b, c)), "id");
    }

    /// What opens a case is the digest that both signed.
    function test_the_placement_digest_is_that_of_the_vectors() public {
        StakePoolFace pool = deployStakePool(address(token), address(this), 139_761_942_375_158_697, 1);
        vm.prank(VECTOR_MARKET);
        pool.joinAsMarket();
        IStakePool.Placement memory it;
        it.uploader = sampleAddress(".eip712.placement.uploader");
        it.steward = sampleAddress(".eip712.placement.steward");
        it.blobId = vm.parseJsonBytes32(vectors, ".eip712.placement.blobId");
        it.length = uint64(sampleUint("length"));
        it.price = uint128(vm.parseUint(vm.parseJsonString(vectors, ".eip712.placement.price")));
        it.egressPrice = uint128(vm.parseUint(vm.parseJsonString(vectors, ".eip712.placement.egressPrice")));
        it.egressFree = uint64(sampleUint("egressFree"));
        it.start = UnixTime.wrap(uint32(sampleUint("start")));
        it.end = UnixTime.wrap(uint32(sampleUint("end")));
        it.grace = uint32(sampleUint("grace"));
        it.bond = Gwei.wrap(uint64(sampleUint("bond")));
        it.answersRoot = vm.parseJsonBytes32(vectors, ".eip712.placement.answersRoot");
        it.tokenHash = vm.parseJsonBytes32(vectors, ".eip712.placement.tokenHash");
        it.advert = vm.parseJsonBytes32(vectors, ".eip712.placement.advert");
        it.offerUntil = UnixTime.wrap(uint32(sampleUint("offerUntil")));
        it.version = uint32(sampleUint("version"));
        vm.assertEq(pool.caseIdOf(it), vm.parseJsonBytes32(vectors, ".eip712.placement.digest"), "digest");
    }

    function sampleUint(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(vectors, string.concat(".eip712.placement.", key));
    }

    function sampleAddress(string memory key) private view returns (address) {
        return vm.parseJsonAddress(vectors, key);
    }

    function sampleDeadline() private view returns (UnixTime) {
        return UnixTime.wrap(uint32(vm.parseJsonUint(vectors, ".eip712.sweep.deadline")));
    }

    /// Words that stand in the file without 0x.
    function sampleWord(string memory key) private view returns (bytes32) {
        return bytes32(vm.parseBytes(vm.parseJsonString(vectors, key)));
    }
}
