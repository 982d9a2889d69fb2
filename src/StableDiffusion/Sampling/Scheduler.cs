using StableDiffusion.Noise;
using StableDiffusion.Tensors;

namespace StableDiffusion.Sampling;

/// <summary>
/// One run of a sampling algorithm: at which timesteps the U-Net is called, and how each of its outputs changes the sample. A
/// scheduler is created for a number of steps, keeps the history of its own run, and is independent of models. A <em>call</em>
/// is an evaluation of the model, counted from 0; a step takes one or more calls.
/// </summary>
/// <remarks>The history belongs to one sample: each image of a batch needs its own scheduler.</remarks>
internal abstract class Scheduler
{
    /// <summary>What it was created from; null if not by <see cref="SchedulerCatalog"/>.</summary>
    public SchedulerRecipe? Recipe { get; internal set; }

    /// <summary>The timestep of each model call, in order; 0 to 999 for models trained with 1000 timesteps.</summary>
    public abstract IReadOnlyList<float> Timesteps { get; }

    /// <summary>
    /// The noise level (sigma) at each call, followed by the final one; empty for algorithms that only use alphas. The list is that
    /// of the reference implementation: for DPM2, it has the levels between which the second calls are made, and for the samplers of
    /// k-diffusion, only the levels between the steps.
    /// </summary>
    public abstract IReadOnlyList<float> Sigmas { get; }

    /// <summary>The factor by which standard normal noise is multiplied to get the initial sample.</summary>
    public abstract float InitNoiseSigma { get; }

    /// <summary>The number of steps of the run; a step takes <see cref="Order"/> model calls.</summary>
    public abstract int Steps { get; }

    /// <summary>The number of model calls per step (2 for Heun).</summary>
    public virtual int Order => 1;

    /// <summary>How many steps a number of calls, counted from the run's first, is begun or done.</summary>
    internal int CountSteps(int calls) => (calls + Order - 1) / Order;

    /// <summary>
    /// The call at which image-to-image starts, as in diffusers' pipelines: the last <c>floor(steps * strength)</c> steps are run.
    /// </summary>
    /// <param name="strength">How much of the image to replace: 0 (nothing) to 1 (the whole run).</param>
    /// <returns>
    /// The index of the first call. If the strength is too low for a single step, it is at or after the end of
    /// <see cref="Timesteps"/>, and there is nothing to run.
    /// </returns>
    /// <exception cref="InvalidSettingException">The strength is not between 0 and 1, or the algorithm cannot start in the middle.</exception>
    public virtual int FirstCall(double strength)
    {
        if (!(strength is >= 0 and <= 1))
            throw new InvalidSettingException("Strength", $"Strength {strength} is out of range. Give a number from 0 to 1.");

        int steps = Math.Min((int)(Steps * strength), Steps);
        return (Steps - steps) * Order;
    }

    /// <summary>
    /// Chooses the source of the run's noise. Most algorithms continue with the generator of the initial sample; those that follow
    /// a Brownian path have their own source.
    /// </summary>
    /// <param name="seed">The seed of the image, 0 or more.</param>
    /// <param name="continuing">The generator, after the initial sample was drawn.</param>
    /// <returns>The source to pass to <see cref="Begin"/> and <see cref="Step"/>.</returns>
    public virtual INoiseSource CreateNoise(long seed, INoiseSource continuing) => continuing;

    /// <summary>Prepares the initial sample of a run. Only algorithms that add noise before a call change it.</summary>
    /// <param name="call">The first call to make.</param>
    /// <param name="sample">The sample, at the noise level of that call; changed in place.</param>
    /// <param name="noise">The source of noise for stochastic algorithms.</param>
    public virtual void Begin(int call, Span<float> sample, INoiseSource noise)
    {
    }

    /// <summary>Computes the model input from the sample; most algorithms do not change it.</summary>
    /// <param name="sample">The sample.</param>
    /// <param name="call">The call that the input is for.</param>
    /// <param name="scaled">Receives the model input; of the same length as the sample.</param>
    public virtual void ScaleModelInput(ReadOnlySpan<float> sample, int call, Span<float> scaled) => sample.CopyTo(scaled);

    /// <summary>Updates the sample with the model's output, in place. Allocates nothing after the first calls of a run.</summary>
    /// <param name="modelOutput">The output of the U-Net, after guidance.</param>
    /// <param name="call">The index of the call; calls are made in order, starting with any of them.</param>
    /// <param name="sample">The sample; receives the next one.</param>
    /// <param name="noise">The source of noise for stochastic algorithms.</param>
    public abstract void Step(ReadOnlySpan<float> modelOutput, int call, Span<float> sample, INoiseSource noise);

    /// <summary>Adds noise to a clean latent, up to the noise level of a call, as at the start of image-to-image.</summary>
    /// <param name="original">The clean latent.</param>
    /// <param name="noise">Standard normal values, as many as the latent has.</param>
    /// <param name="call">The first call to make.</param>
    /// <param name="noised">Receives the noised latent; may be the same span as <paramref name="original"/>.</param>
    public abstract void AddNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised);

    /// <summary>Adds noise to the image that a run starts from. The level is that of the first call, unless the reference takes another one.</summary>
    /// <inheritdoc cref="AddNoise"/>
    public virtual void AddStartNoise(ReadOnlySpan<float> original, ReadOnlySpan<float> noise, int call, Span<float> noised) => AddNoise(original, noise, call, noised);

    /// <summary>Whose rule <see cref="FirstCall"/> follows.</summary>
    public virtual StrengthRule OwnRule => StrengthRule.Diffusers;

    /// <summary>Whether A1111's inpainting keeps the image in what the U-Net sees, and not in what it predicts.</summary>
    public virtual bool BlendsInput => false;

    /// <summary>The noise level of a call.</summary>
    /// <param name="call">The call.</param>
    public abstract CallLevel LevelAt(int call);

    /// <summary>The noise level of a call as its algorithm states it: that of <see cref="LevelAt"/>, but for flow matching.</summary>
    /// <param name="call">The call.</param>
    public virtual double SigmaAt(int call) => LevelAt(call).Sigma;

    /// <summary>The noise level at the end of the run, as in <see cref="SigmaAt"/>.</summary>
    public virtual double FinalSigma => Sigmas[^1];

    /// <summary>Writes the history of the run, or reads it back into a scheduler that was created from the same recipe.</summary>
    /// <param name="state">The state.</param>
    /// <param name="length">The number of values of the sample.</param>
    /// <param name="firstCall">The call that the run started with.</param>
    /// <param name="nextCall">The next call to make.</param>
    public abstract void Transfer(StateTransfer state, int length, int firstCall, int nextCall);

    /// <summary>Returns an independent copy with the same state, so that a run can be kept and continued.</summary>
    /// <returns>The copy, with its own history.</returns>
    public abstract Scheduler Clone();
}
