using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;

namespace StableDiffusion.Pipelines.Inspection;

/// <summary>A denoising that someone looks at after each step, and may change.</summary>
internal static class SteeredDenoising
{
    /// <summary>Denoises. Each change ends a stage, and the next one goes on from its state, so that the record repeats both.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="job">The denoising.</param>
    /// <param name="onStep">Called after each step.</param>
    /// <param name="progress">Called after each step, before that; may be null.</param>
    /// <param name="cancellationToken">Cancels the denoising.</param>
    /// <returns>The latent, finished or stopped.</returns>
    public static Latent Run(DiffusionPipeline pipeline, DenoiseJob job, Action<DenoisingStep> onStep, Action<StepProgress>? progress, CancellationToken cancellationToken)
    {
        job = job with { Options = job.Options with { KeepsPredictions = true } };
        while (true)
        {
            DenoisingStep? last = null;
            Latent result = pipeline.Denoise(job.Embedding, job.Negative, job.Start, job.Options, Look, cancellationToken);
            if (last is null || !last.IsChanged)
                return result;
            if (last.IsStopped || result.IsComplete || result.Step == job.Options.StopStep)
                return last.Result();
            job = last.Next();

            void Look(StepProgress step)
            {
                progress?.Invoke(step);
                last = new DenoisingStep((StepLatent)step.Capture(), job.Embedding, job.Negative, job.Options);
                onStep(last);
                if (last.IsStopped || last.IsChanged)
                    step.Stop();
            }
        }
    }
}
