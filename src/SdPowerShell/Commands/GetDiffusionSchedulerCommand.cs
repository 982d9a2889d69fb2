using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Sampling;

namespace SdPowerShell.Commands;

/// <summary>Lists the available schedulers.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionScheduler")]
[OutputType(typeof(SchedulerInfo))]
public sealed class GetDiffusionSchedulerCommand : DiffusionCmdlet
{
    /// <summary>The names or aliases to list; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SchedulerCompleter))]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Name { get; set; } = [NameMatcher.All];

    /// <inheritdoc/>
    protected override void ProcessRecord() =>
        NameMatcher.ForEach(this, Name, () => SchedulerCatalog.All, scheduler => scheduler.Aliases.Prepend(scheduler.Name), static name => SchedulerCatalog.Find(name), WriteObject);
}
