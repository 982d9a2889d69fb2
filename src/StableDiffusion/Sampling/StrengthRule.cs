namespace StableDiffusion.Sampling;

/// <summary>How many steps a strength stands for.</summary>
public enum StrengthRule
{
    /// <summary>The last <c>floor(steps * strength)</c> steps of the schedule, as in diffusers.</summary>
    Diffusers,

    /// <summary>One step more, as in A1111: 20 steps at a strength of 0.5 are 11.</summary>
    A1111,

    /// <summary>As many steps as were asked for, of a schedule that is longer by the strength: A1111's "do exactly the amount of steps".</summary>
    Exact,
}
