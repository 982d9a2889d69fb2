using StableDiffusion.Denoising;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Inspection;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines.Inspection;

/// <summary>Denoisings that someone changes between two steps: they are those that are stopped and continued by hand.</summary>
public sealed class SteeredDenoisingTests
{
    private readonly DiffusionPipeline _pipeline;
    private readonly TextEmbedding _house;
    private readonly TextEmbedding _boat;

    public SteeredDenoisingTests(SharedModels models)
    {
        _pipeline = new DiffusionPipeline(models.Open(models.Demo));
        _house = _pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        _boat = _pipeline.EncodePrompt("a red boat on the sea", cancellationToken: Cancellation);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("DDIM")]
    [InlineData("Euler a")]
    [InlineData("Heun")]
    [InlineData("DPM++ 2M SDE Karras")]
    public void A_change_is_a_stage_of_its_own(string scheduler)
    {
        DenoiseOptions options = new() { Seed = 1, Steps = 5, Scheduler = scheduler, GuidanceScale = 6 };
        List<int> seen = [];
        Latent steered = Run(options, step =>
        {
            seen.Add(step.Step);
            if (step.Step == 2)
                step.GuidanceScale = 2;
            if (step.Step == 3)
                step.Embedding = _boat;
        });

        Latent byHand = Denoise(_house, null, options with { StopStep = 2 });
        byHand = Denoise(_house, byHand, new DenoiseOptions { GuidanceScale = 2, StopStep = 3 });
        byHand = Denoise(_boat, byHand, new DenoiseOptions { GuidanceScale = 2 });
        Assert.Equal([1, 2, 3, 4, 5], seen);
        Assert.Equal(byHand.Tensor.Values, steered.Tensor.Values);
        Assert.Equal(byHand.Info.Stages, steered.Info.Stages);
        Assert.Equal(["Denoise", "Denoise", "Denoise"], steered.Info.Stages!.Select(static stage => stage.Operation));
        Assert.NotEqual(Denoise(_house, null, options).Tensor.Values, steered.Tensor.Values);
    }

    [Fact]
    public void Looking_alone_changes_nothing()
    {
        DenoiseOptions options = new() { Seed = 1, Steps = 3, GuidanceRescale = 0.5 };
        Latent plain = Denoise(_house, null, options), looked = Run(options, static step => _ = step.Denoised);
        Assert.Equal(plain.Tensor.Values, looked.Tensor.Values);
        Assert.Equal(plain.Info.Stages, looked.Info.Stages);
    }

    [Fact]
    public void It_can_be_stopped_and_continued_later()
    {
        DenoiseOptions options = new() { Seed = 1, Steps = 4, Scheduler = "DPM++ 2M" };
        Latent stopped = Run(options, static step =>
        {
            if (step.Step == 2)
                step.Stop();
        });
        Assert.Equal((2, false), (stopped.Step, stopped.IsComplete));
        Assert.Equal(Denoise(_house, null, options with { StopStep = 2 }).Info.Stages, stopped.Info.Stages);
        Assert.Equal(Denoise(_house, null, options).Tensor.Values, Denoise(_house, stopped, new DenoiseOptions()).Tensor.Values);
    }

    [Fact]
    public void Other_values_of_the_latent_are_used_and_make_the_record_unrepeatable()
    {
        DenoiseOptions options = new() { Seed = 1, Steps = 3 };
        Latent edited = Run(options, static step =>
        {
            if (step.Step == 2)
                step.Latent.Tensor.Values[0] += 1;
        });
        Assert.Equal(["Denoise", "Edit", "Denoise"], edited.Info.Stages!.Select(static stage => stage.Operation));
        Assert.NotEqual(Denoise(_house, null, options).Tensor.Values, edited.Tensor.Values);

        Latent other = Denoise(_boat, null, options);
        Latent replaced = Run(options, step =>
        {
            if (step.Step == 3)
                step.Latent = other;
        });
        Assert.Equal(other.Tensor.Values, replaced.Tensor.Values);
        Assert.Equal("Edit", replaced.Recorded.Stages![^1].Operation);
    }

    [Fact]
    public void What_cannot_be_is_an_error()
    {
        DenoiseOptions options = new() { Seed = 1, Steps = 3 };
        Latent larger = Denoise(_house, null, options with { Width = 72 });
        Assert.Throws<ShapeMismatchException>(() => Run(options, step => step.Latent = larger));
        Assert.Equal("GuidanceScale", Assert.Throws<InvalidSettingException>(() => Run(options, static step => step.GuidanceScale = 101)).Setting);
        Assert.Throws<NotFiniteException>(() => Run(options, static step => step.Latent.Tensor.Values[0] = float.NaN));
        Assert.Throws<TimeoutException>(() => Run(options, static _ => throw new TimeoutException()));
    }

    private Latent Run(DenoiseOptions options, Action<DenoisingStep> onStep) => _pipeline.DenoiseInSteps(new DenoiseJob(_house, null, null, options), onStep, cancellationToken: Cancellation);

    private Latent Denoise(TextEmbedding embedding, Latent? start, DenoiseOptions options) => _pipeline.Denoise(embedding, null, start, options, cancellationToken: Cancellation);
}
