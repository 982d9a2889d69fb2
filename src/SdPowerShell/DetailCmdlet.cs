using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;

namespace SdPowerShell;

/// <summary>Base of cmdlets that paint regions of their images anew: the settings of these regions.</summary>
public abstract class DetailCmdlet : HiresCmdlet
{
    /// <summary>The detector whose regions are painted anew: a name in the store, the path of its file, or Shapes.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(DetectorCompleter))]
    public string? Detailer { get; set; }

    /// <summary>What the regions show; [SEP] separates the prompts of several.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? DetailPrompt { get; set; }

    /// <summary>What the regions do not show; [SEP] separates those of several.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? DetailNegativePrompt { get; set; }

    /// <summary>The lowest score of a region, 0 to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? DetailConfidence { get; set; }

    /// <summary>How many regions are painted, the largest ones, 1 to 300.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? DetailFirst { get; set; }

    /// <summary>By how many pixels a region grows, -4096 to 4096; below 0 it shrinks.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? DetailDilation { get; set; }

    /// <summary>The standard deviation of the blur of the edge of a region in pixels, 0 to 256.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? DetailMaskBlur { get; set; }

    /// <summary>How many pixels around a region are made with it, 0 to 8192.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? DetailPadding { get; set; }

    /// <summary>How much noise is added to a region, above 0 and up to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? DetailStrength { get; set; }

    /// <summary>The number of steps of a region, 1 to 1000.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? DetailSteps { get; set; }

    /// <summary>How strongly the prompt of a region is followed, 0 to 100.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? DetailGuidanceScale { get; set; }

    /// <summary>The scheduler of the regions.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SchedulerCompleter))]
    public string? DetailScheduler { get; set; }

    /// <summary>The width in pixels that a region is made at, 8 to 8192.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? DetailWidth { get; set; }

    /// <summary>The height in pixels that a region is made at, 8 to 8192.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? DetailHeight { get; set; }
}
