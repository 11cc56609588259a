/**
 * The same deployment as `holdfast up`, from the same table, for tests and public networks:
 * `hardhat ignition deploy ignition/modules/Holdfast.ts --network NAME --parameters FILE`.
 */
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import {
  type ContractName,
  DEFAULT_KAPPA,
  DEFAULT_MINIMUM_STAKE,
  DEFAULT_POLICY_TERMS,
  DEFAULT_RENEWAL_PERIOD,
  DEPLOYMENT_PLAN,
  EASIEST_START,
  planArguments,
} from '../../chain/bindings/deployment-plan.ts'

export default buildModule('Holdfast', (m) => {
  const terms = {
    advertFloor: m.getParameter<bigint>('advertFloor'),
    masterKey: m.getParameter<string>('masterKey'),
    renewalPeriod: m.getParameter<number>('renewalPeriod', DEFAULT_RENEWAL_PERIOD),
    kappa: m.getParameter<bigint>('kappa', DEFAULT_KAPPA),
    minimumStake: m.getParameter<bigint>('minimumStake', DEFAULT_MINIMUM_STAKE),
    mineTarget: m.getParameter<bigint>('mineTarget', EASIEST_START),
    policy: m.getParameter('policy', DEFAULT_POLICY_TERMS as never),
  }
  type Arguments = NonNullable<Parameters<typeof m.call>[2]>
  type Options = NonNullable<Parameters<typeof m.call>[3]>
  const create = (artifact: string, args: Arguments, options: Options) => m.contract(artifact, args, options)
  const made: Partial<Record<ContractName, ReturnType<typeof create>>> = {}
  for (const step of DEPLOYMENT_PLAN) {
    const args = planArguments<Arguments[number]>(step, terms, made)
    // one after the other, as in the table: then the same account makes the same addresses
    made[step.name] = create(step.artifact, [...args], { after: Object.values(made) })
  }
  return made as Record<ContractName, ReturnType<typeof create>>
})
