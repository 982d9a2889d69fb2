using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;

namespace SdPowerShell;

/// <summary>Base of cmdlets that make images in one or two passes: the parameters of the second pass.</summary>
public abstract class HiresCmdlet : DenoiseCmdlet
{
    /// <summary>The factor that the second pass multiplies both sides by, above 1 and up to 16.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("hr_scale")]
    [Number<double>]
    public Number<double>? HiresScale { get; set; }

    /// <summary>The width after the second pass in pixels, in place of HiresScale.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("hr_resize_x")]
    [Number<int>]
    public Number<int>? HiresWidth { get; set; }

    /// <summary>The height after the second pass in pixels, in place of HiresScale.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("hr_resize_y")]
    [Number<int>]
    public Number<int>? HiresHeight { get; set; }

    /// <summary>How the first pass is enlarged.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("hr_upscaler")]
    [ArgumentCompleter(typeof(HiresUpscalerCompleter))]
    public string? HiresUpscaler { get; set; }

    /// <summary>The number of steps of the second pass, 1 to 1000.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("hr_second_pass_steps")]
    [Number<int>]
    public Number<int>? HiresSteps { get; set; }

    /// <summary>How much noise is added before the second pass, above 0 and up to 1.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? HiresStrength { get; set; }

    /// <summary>The scheduler of the second pass.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("hr_sampler_name")]
    [ArgumentCompleter(typeof(SchedulerCompleter))]
    public string? HiresScheduler { get; set; }

    /// <summary>The prompt of the second pass.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("hr_prompt")]
    public string? HiresPrompt { get; set; }

    /// <summary>The negative prompt of the second pass.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("hr_negative_prompt")]
    public string? HiresNegativePrompt { get; set; }

    /// <summary>How strongly the prompt is followed in the second pass, 0 to 100.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<double>]
    public Number<double>? HiresGuidanceScale { get; set; }

    /// <summary>The side in pixels of the tiles in which the second pass is made, a multiple of 8.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? HiresTileSize { get; set; }

    /// <summary>How much two of these tiles overlap in pixels, at most half of a tile.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Number<int>]
    public Number<int>? HiresTileOverlap { get; set; }
}
