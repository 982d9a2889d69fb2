using StableDiffusion.Denoising;
using StableDiffusion.Pipelines.Checkpoints;
using StableDiffusion.Storage;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines;

/// <summary>Observes the stages of making images. All members are called on the thread that makes them; the base class does nothing.</summary>
public class StageObserver
{
    /// <summary>Runs a stage.</summary>
    /// <typeparam name="T">The result of the stage.</typeparam>
    /// <param name="stage">The stage.</param>
    /// <param name="work">The stage's work, to be called once.</param>
    /// <returns>The result of the work.</returns>
    public virtual T Run<T>(Stage stage, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return work();
    }

    /// <summary>Where the state of the first denoising of an image is kept; null for nowhere.</summary>
    public virtual DenoiseCheckpoint? Checkpoint => null;

    /// <summary>Receives the embedding of a prompt, with its warnings and the truncated text.</summary>
    /// <param name="embedding">The embedding.</param>
    public virtual void OnEncoded(TextEmbedding embedding)
    {
    }

    /// <summary>Receives the progress after each step of the denoising.</summary>
    /// <param name="progress">The progress.</param>
    public virtual void OnStep(StepProgress progress)
    {
    }

    /// <summary>Receives a latent of a record that is repeated, before it is decoded.</summary>
    /// <param name="latent">The latent.</param>
    public virtual void OnDecoding(Latent latent)
    {
    }

    /// <summary>Receives the progress of opening a detector.</summary>
    /// <param name="progress">The progress.</param>
    public virtual void OnDetecting(ProgressReport progress)
    {
    }

    /// <summary>Receives the progress of opening an upscaler, and after each of its tiles.</summary>
    /// <param name="progress">The progress.</param>
    public virtual void OnUpscaling(ProgressReport progress)
    {
    }
}
