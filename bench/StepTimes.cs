using System.Diagnostics;
using StableDiffusion.Denoising;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Text;

namespace StableDiffusion.Benchmarks;

/// <summary>The times of steps without guidance, and of runs of the bare session between them.</summary>
internal static class StepTimes
{
    /// <summary>Makes some steps, each followed by a run of the bare session.</summary>
    /// <param name="model">The model.</param>
    /// <param name="pipeline">Its pipeline.</param>
    /// <param name="embedding">The prompt.</param>
    /// <param name="side">Width and height of the image in pixels.</param>
    /// <param name="steps">The number of steps. The first one is not among the times, since it also allocates.</param>
    /// <param name="cancellationToken">Cancels them.</param>
    /// <returns>Milliseconds each.</returns>
    public static (IReadOnlyList<double> Steps, IReadOnlyList<double> Bare) Measure(
        DiffusionModel model, DiffusionPipeline pipeline, TextEmbedding embedding, int side, int steps, CancellationToken cancellationToken)
    {
        UNet unet = model.OpenUNet(null, cancellationToken);
        (string, int[])[] added = embedding.PooledState is null ? [] : [("text_embeds", [1, embedding.PooledState.Shape[1]]), ("time_ids", [1, 6])];
        int[] latent = [1, unet.LatentChannels, side / model.Info.LatentFactor, side / model.Info.LatentFactor];
        using BareGraph bare = new(
            EngineSessions.Of(unet), ownsSession: false, ("out_sample", latent),
            [("sample", latent), ("timestep", [1]), ("encoder_hidden_states", [.. embedding.HiddenStates.Shape]), .. added]);
        bare.Run();

        List<double> times = [], bareTimes = [];
        long last = 0;
        DenoiseOptions options = new() { Seed = 1, Steps = steps, GuidanceScale = 1, Width = side, Height = side, Scheduler = "Euler" };
        pipeline.Denoise(embedding, null, null, options, _ =>
        {
            if (last != 0)
                times.Add(Stopwatch.GetElapsedTime(last).TotalMilliseconds);

            long start = Stopwatch.GetTimestamp();
            bare.Run();
            bareTimes.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            last = Stopwatch.GetTimestamp();
        }, cancellationToken);
        return (times, bareTimes);
    }
}
