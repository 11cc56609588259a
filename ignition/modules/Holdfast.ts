/**
 * The same deployment as `holdfast up`, from the same table, for tests and public networks:
 * `hardhat ignition deploy ignition/modules/Holdfast.ts --network NAME --parameters FILE`.
 */
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import {
  type ContractName,
  DEFAULT_RENEWAL_PERIOD,
  DEPLOYMENT_PLAN,
  NO_MINTER,
  planArguments,
} from '../../chain/bindings/deployment-plan.ts'

export default buildModule('Holdfast', (m) => {
  const terms = {
    minter: m.getParameter<string>('minter', NO_MINTER),
    advertFloor: m.getParameter<bigint>('advertFloor'),
    masterKey: m.getParameter<string>('masterKey'),
    renewalPeriod: m.getParameter<number>('renewalPeriod', DEFAULT_RENEWAL_PERIOD),
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
