using System.Management.Automation;
using StableDiffusion.Batches;

namespace SdPowerShell.Commands;

/// <summary>Shows what jobs are doing.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionJob", DefaultParameterSetName = FileCmdlet.PathSet)]
[OutputType(typeof(DiffusionJob))]
public sealed class GetDiffusionJobCommand : JobCmdlet
{
    /// <inheritdoc/>
    private protected override void Process(IEnumerable<DiffusionJob> jobs)
    {
        foreach (DiffusionJob job in jobs)
            WriteObject(job);
    }
}
