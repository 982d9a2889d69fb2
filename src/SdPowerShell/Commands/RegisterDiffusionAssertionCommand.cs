using System.Management.Automation;
using SdPowerShell.Assertions;
using SdPowerShell.Errors;

namespace SdPowerShell.Commands;

/// <summary>Adds operators for images to Pester's Should.</summary>
[Cmdlet(VerbsLifecycle.Register, "DiffusionAssertion")]
public sealed class RegisterDiffusionAssertionCommand : DiffusionCmdlet
{
    private const string AddShouldOperator = "Add-ShouldOperator";

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (InvokeCommand.GetCommand(AddShouldOperator, CommandTypes.Function) is not CommandInfo add)
        {
            ThrowTerminatingError(DiffusionError.PesterNotFound());
            return;
        }

        // In a module of its own, so that the operators do not depend on the session's scopes, preferences and strict mode.
        PSModuleInfo module = new(linkToGlobal: true);
        module.Invoke(ScriptBlock.Create(ShouldOperators.Script), add, MyInvocation.MyCommand.Name);
    }
}
