using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion.Sampling;

namespace SdPowerShell.Commands;

/// <summary>Lists the available schedulers.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionScheduler")]
[OutputType(typeof(SchedulerInfo))]
public sealed class GetDiffusionSchedulerCommand : NamedListCmdlet
{
    /// <summary>The names or aliases to list; wildcards are allowed.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SchedulerCompleter))]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Name { get; set; } = [AllNames];

    /// <inheritdoc/>
    protected override void ProcessRecord() => WriteMatches(
        Name,
        SchedulerCatalog.All,
        scheduler => scheduler.Aliases.Prepend(scheduler.Name),
        name => SchedulerCatalog.Find(name));
}
