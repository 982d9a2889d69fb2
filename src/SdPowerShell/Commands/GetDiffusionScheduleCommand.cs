using System.Collections;
using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Pipelines;
using StableDiffusion.Sampling;

namespace SdPowerShell.Commands;

/// <summary>Lists the steps of a denoising: their timesteps, noise levels and calls of the U-Net.</summary>
[Cmdlet(VerbsCommon.Get, "DiffusionSchedule")]
[OutputType(typeof(ScheduleStep))]
public sealed class GetDiffusionScheduleCommand : ModelCmdlet
{
    /// <summary>The scheduler: a name or an alias that Get-DiffusionScheduler lists. The default is the model's own.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SchedulerCompleter))]
    [Alias("Name", "Sampler", DenoiseCmdlet.SamplerColumn)]
    public string? Scheduler { get; set; }

    /// <summary>The number of steps, 1 to 1000.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("num_inference_steps")]
    [Number<int>]
    public Number<int>? Steps { get; set; }

    /// <summary>Options of the scheduler, such as @{ timestep_spacing = 'trailing' }.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SchedulerOptionCompleter))]
    [SchedulerOption]
    public Hashtable? SchedulerOption { get; set; }

    /// <summary>How much noise is added to an image to start from, above 0 and up to 1; without it, the denoising starts from noise alone.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? Strength { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => ProcessOne(Scheduler, () => WriteObject(Inspect(pipeline => pipeline.ScheduleOf(CreateOptions())), enumerateCollection: true));

    private DenoiseOptions CreateOptions() => new()
    {
        Scheduler = string.IsNullOrWhiteSpace(Scheduler) ? null : Scheduler,
        Steps = Number.Read(Steps),
        Strength = Number.Read(Strength),
        SchedulerOptions = SchedulerOptionText.Write(SchedulerOption?.Cast<DictionaryEntry>().ToDictionary(
            static entry => Convert.ToString(entry.Key, CultureInfo.InvariantCulture)!,
            static entry => Cell.UnwrapAll(entry.Value),
            StringComparer.OrdinalIgnoreCase)),
    };
}
