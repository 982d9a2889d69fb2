using System.Management.Automation;
using StableDiffusion.Running;

namespace SdPowerShell.Commands;

/// <summary>Lists the models that can be used by name.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionModel")]
[OutputType(typeof(ModelInfo))]
public sealed class GetDiffusionModelCommand : ModelListCmdlet
{
    /// <inheritdoc/>
    private protected override void Process(ModelInfo model) => WriteObject(model);
}
