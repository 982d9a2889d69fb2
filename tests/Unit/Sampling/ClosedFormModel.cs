namespace StableDiffusion.Tests.Sampling;

/// <summary>The model that the reference numbers of the schedulers were made with.</summary>
internal static class ClosedFormModel
{
    public static void Run(ReadOnlySpan<float> input, double timestep, Span<float> output)
    {
        for (int i = 0; i < input.Length; i++)
            output[i] = (float)((0.5 * input[i] * timestep / (timestep + 1)) + (0.1 * Math.Cos((0.37 * i) + (0.01 * timestep))));
    }
}
