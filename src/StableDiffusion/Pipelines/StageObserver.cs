using StableDiffusion.Text;

namespace StableDiffusion.Pipelines;

/// <summary>Follows the stages of the making of images. All members are called on the thread that makes them; this class does nothing with them.</summary>
public class StageObserver
{
    /// <summary>Runs a stage.</summary>
    /// <typeparam name="T">What the stage gives.</typeparam>
    /// <param name="stage">The stage.</param>
    /// <param name="work">The stage's work, to be called once.</param>
    /// <returns>What the work gave.</returns>
    public virtual T Run<T>(Stage stage, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return work();
    }

    /// <summary>Receives the embedding of a prompt, with its warnings and the text that was cut off.</summary>
    /// <param name="embedding">The embedding.</param>
    public virtual void OnEncoded(TextEmbedding embedding)
    {
    }

    /// <summary>Receives the progress after each step of the denoising.</summary>
    /// <param name="progress">The progress.</param>
    public virtual void OnStep(StepProgress progress)
    {
    }
}
