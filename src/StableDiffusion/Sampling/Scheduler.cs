using StableDiffusion.Noise;

namespace StableDiffusion.Sampling;

/// <summary>
/// One run of a sampling algorithm: which timesteps the U-Net is called at, and how each of its answers moves
/// the sample. A scheduler is made for a number of steps, keeps the history of its own run, and knows nothing
/// of models. A <em>call</em> counts the model calls of the run from 0.
/// </summary>
/// <remarks>The history belongs to one sample: the pictures of a batch need a scheduler each.</remarks>
public abstract class Scheduler
{
    /// <summary>The timestep of each model call, in the order of the calls; 0 to 999 for models trained on 1000 steps.</summary>
    public abstract IReadOnlyList<float> Timesteps { get; }

    /// <summary>
    /// The noise level (sigma) at each call and, last, the one that the run ends at; empty for algorithms that
    /// work with alphas alone. The list is the reference implementation's: for DPM2 it has the levels between which
    /// the second calls lie, not those calls' own, and for k-diffusion's samplers the levels between the steps alone.
    /// </summary>
    public abstract IReadOnlyList<float> Sigmas { get; }

    /// <summary>What standard normal noise is multiplied by to make the first sample.</summary>
    public abstract float InitNoiseSigma { get; }

    /// <summary>How many steps the run has, as people count them; a step takes <see cref="Order"/> model calls.</summary>
    public abstract int Steps { get; }

    /// <summary>How many model calls make up one step as people count them (2 for Heun).</summary>
    public virtual int Order => 1;

    /// <summary>How many steps a number of calls, counted from the run's first, is begun or done.</summary>
    internal int CountSteps(int calls) => (calls + Order - 1) / Order;

    /// <summary>
    /// The call at which image-to-image starts, as diffusers' pipelines count it:
    /// the last <c>floor(steps * strength)</c> steps are run, and their calls alone.
    /// </summary>
    /// <param name="strength">How much of the picture to make anew: 0 (nothing) to 1 (all of the run).</param>
    /// <returns>
    /// The index of the first call; at or past the end of <see cref="Timesteps"/> if the strength is too low for
    /// even one step, and then there is nothing to run.
    /// </returns>
    /// <exception cref="InvalidSettingException">The strength is not between 0 and 1, or the algorithm cannot start late.</exception>
    public virtual int FirstCall(double strength)
    {
        if (!(strength is >= 0 and <= 1))
            throw new InvalidSettingException("Strength", $"Strength {strength} is out of range. Give a number from 0 to 1.");

        int steps = Math.Min((int)(Steps * strength), Steps);
        return (Steps - steps) * Order;
    }

    /// <summary>
    /// Chooses where the run's noise comes from: most algorithms go on with the generator that the first sample was drawn
    /// from, those that follow one path of noise have a source of their own.
    /// </summary>
    /// <param name="seed">The picture's seed, 0 or more.</param>
    /// <param name="continuing">The generator, where the first sample left it.</param>
    /// <returns>The source to give to <see cref="Begin"/> and <see cref="Step"/>.</returns>
    public virtual INoiseSource CreateNoise(long seed, INoiseSource continuing) => continuing;

    /// <summary>Readies the first sample of a run; only algorithms that put noise back before a call change it.</summary>
    /// <param name="call">The call that will run first.</param>
    /// <param name="sample">The sample, at the noise level at which the call starts.</param>
    /// <param name="noise">Where stochastic algorithms draw their noise.</param>
    public virtual void Begin(int call, Span<float> sample, INoiseSource noise)
    {
    }

    /// <summary>Prepares the sample for the U-Net's input at a call; most algorithms pass it on unchanged.</summary>
    /// <param name="sample">The sample.</param>
    /// <param name="call">The call that the input is for.</param>
    /// <param name="scaled">Receives the model input; as long as the sample.</param>
    public virtual void ScaleModelInput(ReadOnlySpan<float> sample, int call, Span<float> scaled) => sample.CopyTo(scaled);

    /// <summary>Moves the sample by the U-Net's answer, in place. Allocates nothing after a run's first calls.</summary>
    /// <param name="modelOutput">What the U-Net answered, after guidance.</param>
    /// <param name="call">Which call of the run it was; calls are made in order, from any first one.</param>
    /// <param name="sample">The sample; it becomes the next one.</param>
    /// <param name="noise">Where stochastic algorithms draw their noise.</param>
    public abstract void Step(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise);

    /// <summary>Brings a clean latent to the noise level at which a call starts (the way in of image-to-image).</summary>
    /// <param name="original">The clean latent.</param>
    /// <param name="noise">Standard normal values, as many.</param>
    /// <param name="call">The call that will run first.</param>
    /// <param name="noised">Receives the noised latent; may be the same span as <paramref name="original"/>.</param>
    public abstract void AddNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised);

    /// <summary>A scheduler that goes on from the same state, apart from this one, so that a run can be kept and continued.</summary>
    /// <returns>A deep copy of the history.</returns>
    public abstract Scheduler Clone();
}
