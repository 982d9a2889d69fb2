using System.Management.Automation;
using StableDiffusion.Denoising;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Module.Commands;

public sealed class InvokeDenoiseTests(CommandShell fixture) : CommandTests(fixture)
{
    private const string Cmdlet = "InvokeDenoise";

    [Fact]
    public void EachStep_writes_the_latent_after_every_step()
    {
        ShellResult result = RunWell("""
            $embedding = Get-TextEmbedding 'a red house'
            $embedding | Invoke-Denoise -Seed 1 -Steps 4 -EachStep
            $embedding | Invoke-Denoise -Seed 1 -Steps 4
            """);

        IReadOnlyList<Latent> latents = result.Values<Latent>();
        Assert.Equal([1, 2, 3, 4, 4], latents.Select(latent => latent.Step));
        Assert.All(latents, latent => Assert.Equal(4, latent.StepCount));
        Assert.Equal(latents[4].Tensor.Values, latents[3].Tensor.Values);
        Assert.NotEqual(latents[2].Tensor.Values, latents[3].Tensor.Values);
        Assert.Equal([false, false, false, true], latents.Take(4).Select(latent => latent.IsComplete));
    }

    [Fact]
    public void Each_step_comes_out_before_the_next_is_made()
    {
        ShellResult result = RunWell("""
            foreach ($once in 1) { Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 1000 -EachStep | ForEach-Object { $_.Step; if ($_.Step -eq 2) { break } } }
            """);
        Assert.Equal([1, 2], result.Values<int>());
    }

    [Theory]
    [InlineData("DDIM")]
    [InlineData("Euler a")]
    [InlineData("Heun")]
    [InlineData("DPM++ 2M SDE Karras")]
    public void Going_on_after_a_stop_gives_the_same_as_never_stopping(string scheduler)
    {
        Set("scheduler", scheduler);
        ShellResult result = RunWell("""
            $embedding = Get-TextEmbedding 'a red house'
            $whole = $embedding | Invoke-Denoise -Seed 1 -Steps 4 -Scheduler $scheduler
            $part = $embedding | Invoke-Denoise -Seed 1 -Steps 4 -Scheduler $scheduler -StopStep 2
            $whole
            $part
            $part | Invoke-Denoise -Embedding $embedding
            $part | Invoke-Denoise -Embedding $embedding -StopStep 3 | Invoke-Denoise -Embedding $embedding
            """);

        IReadOnlyList<Latent> latents = result.Values<Latent>();
        Assert.Equal([4, 2, 4, 4], latents.Select(latent => latent.Step));
        Assert.NotEqual(latents[0].Tensor.Values, latents[1].Tensor.Values);
        Assert.Equal(latents[0].Tensor.Values, latents[2].Tensor.Values);
        Assert.Equal(latents[0].Tensor.Values, latents[3].Tensor.Values);
    }

    [Fact]
    public void A_step_that_was_written_can_be_gone_on_from()
    {
        ShellResult result = RunWell("""
            $embedding = Get-TextEmbedding 'a red house'
            $steps = $embedding | Invoke-Denoise -Seed 1 -Steps 4 -Scheduler 'Euler a' -EachStep
            $steps[3]
            $steps[0] | Invoke-Denoise -Embedding $embedding
            """);

        IReadOnlyList<Latent> latents = result.Values<Latent>();
        Assert.Equal(latents[0].Tensor.Values, latents[1].Tensor.Values);
    }

    [Fact]
    public void StartStep_takes_up_a_picture_at_that_step_as_strength_does()
    {
        Set("scene", Scene);
        ShellResult result = RunWell("""
            $embedding = Get-TextEmbedding 'a red house'
            $latent = ConvertTo-Latent $scene -Seed 1
            $latent | Invoke-Denoise -Embedding $embedding -Steps 4 -Scheduler Euler -StartStep 2
            $latent | Invoke-Denoise -Embedding $embedding -Steps 4 -Scheduler Euler -Strength 0.5
            $latent | Invoke-Denoise -Embedding $embedding -Steps 4 -Scheduler Euler -StartStep 1
            """);

        IReadOnlyList<Latent> latents = result.Values<Latent>();
        Assert.Equal(latents[0].Tensor.Values, latents[1].Tensor.Values);
        Assert.NotEqual(latents[0].Tensor.Values, latents[2].Tensor.Values);
    }

    [Fact]
    public void Several_embeddings_are_denoised_one_by_one()
    {
        ShellResult result = RunWell("'a', 'b' | Get-TextEmbedding | Invoke-Denoise -Seed 1 -Steps 1");
        Assert.Equal(["a", "b"], result.Values<Latent>().Select(latent => latent.Prompt!));
    }

    [Theory]
    [InlineData("-Scheduler Eular", "SchedulerNotFound", ErrorCategory.ObjectNotFound)]
    [InlineData("-Width 60", "WidthInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-Seed -2", "SeedInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-VariationSeed 2", "VariationSeedInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-ControlImage $scene", "ControlImageInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-Steps 0", "StepsInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-Steps 4 -StopStep 5", "StopStepInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-Steps 4 -StopStep 0", "StopStepInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-StartStep 1", "StartStepInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-StartStep -2", "StartStepInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-Strength 0", "StrengthInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-SchedulerOption @{ eta = $null }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-SchedulerOption @{ eta = [double]::NaN }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-SchedulerOption @{ eta = @{ b = 1 } }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-SchedulerOption @{ eta = [pscustomobject]@{ b = 1 } }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-SchedulerOption @{ eta = 1, @(2) }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-SchedulerOption @{ eta = ('a' * 1mb) }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-SchedulerOption @{ '' = 1 }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-SchedulerOption @{ Nope = 1 }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-Scheduler Heun -SchedulerOption @{ sample_max_value = 'Infinity' }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-Strength 0.5", "StrengthInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-MaskImage $scene", "MaskImageInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-SchedulerOption @{ nope = 1 }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-SchedulerOption @{ timestep_spacing = 'nope' }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    public void A_setting_out_of_its_range_is_an_error_of_its_embedding(string settings, string id, ErrorCategory category)
    {
        Set("scene", Scene);
        ShellResult result = Run($"$embedding = Get-TextEmbedding 'a'; $embedding | Invoke-Denoise {settings}");

        ErrorRecord error = AssertError(result, id, category, Cmdlet);
        Assert.IsType<TextEmbedding>(Unwrap(error.TargetObject));
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("-Scheduler Euler", "SchedulerInvalid")]
    [InlineData("-Steps 5", "StepsInvalid")]
    [InlineData("-Seed 2", "SeedInvalid")]
    [InlineData("-StartStep 1", "StartStepInvalid")]
    [InlineData("-StopStep 2", "StopStepInvalid")]
    public void A_stopped_latent_goes_on_with_its_own_settings_alone(string settings, string id)
    {
        ShellResult result = Run($"""
            $embedding = Get-TextEmbedding 'a'
            $embedding | Invoke-Denoise -Seed 1 -Steps 4 -Scheduler DDIM -StopStep 2 | Invoke-Denoise -Embedding $embedding {settings}
            """);
        AssertError(result, id, ErrorCategory.InvalidArgument, Cmdlet);
    }

    [Fact]
    public void A_latent_that_does_not_fit_or_is_not_finite_is_one_error_and_the_next_has_its_turn()
    {
        Latent broken = new(new Tensor(1, 4, 8, 8), new GenerationInfo());
        broken.Tensor.Values[7] = float.NaN;
        ShellResult result = Run(
            "$embedding = Get-TextEmbedding 'a'; $input | Invoke-Denoise -Embedding $embedding -Steps 2",
            new Latent(new Tensor(1, 3, 8, 8), new GenerationInfo { Width = 64, Height = 64 }),
            broken,
            new Latent(new Tensor(1, 4, 8, 8), new GenerationInfo { Width = 64, Height = 64 }));

        Assert.Single(result.Values<Latent>());
        Assert.Equal(
            [("LatentShapeMismatch,SdPowerShell.Commands.InvokeDenoiseCommand", ErrorCategory.InvalidData), ("NotFinite,SdPowerShell.Commands.InvokeDenoiseCommand", ErrorCategory.InvalidData)],
            result.Errors.Select(error => (error.FullyQualifiedErrorId, error.CategoryInfo.Category)));
        Assert.Same(broken, Unwrap(result.Errors[1].TargetObject));
    }

    [Fact]
    public void What_is_no_embedding_is_refused()
    {
        ShellResult result = Run("'a prompt' | Invoke-Denoise");
        AssertError(result, "EmbeddingInvalid", ErrorCategory.InvalidArgument, Cmdlet);
    }

    [Fact]
    public void A_latent_needs_an_embedding()
    {
        ErrorRecord error = AssertError(Run($"ConvertTo-Latent '{Scene}' | Invoke-Denoise"), "EmbeddingInvalid", ErrorCategory.InvalidArgument, Cmdlet);
        Assert.Contains("Get-TextEmbedding", error.ErrorDetails.Message, StringComparison.Ordinal);
        Assert.IsType<Latent>(Unwrap(error.TargetObject));
    }

    /// <summary>A model without its networks: whatever needs one is another error.</summary>
    [Theory]
    [InlineData("-Steps 2 -StopStep 9", "StopStepInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-StartStep -2", "StartStepInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-SchedulerOption @{ nope = 1 }", "SchedulerOptionInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-Scheduler nope", "SchedulerNotFound", ErrorCategory.ObjectNotFound)]
    [InlineData("-Width 12", "WidthInvalid", ErrorCategory.InvalidArgument)]
    [InlineData("-Steps 1", "ModelNotFound", ErrorCategory.ObjectNotFound)]
    public void Settings_are_checked_before_the_model_is_opened(string settings, string id, ErrorCategory category)
    {
        foreach (string config in Directory.EnumerateFiles(Repository.DemoModel, "*.json", SearchOption.AllDirectories))
        {
            string copy = Folder[Path.Combine("closed", Path.GetRelativePath(Repository.DemoModel, config))];
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(config, copy);
        }

        ShellResult result = Run($"Get-TextEmbedding 'a' | Invoke-Denoise -Model \"$folder/closed\" {settings}");

        ErrorRecord error = result.TerminatingError ?? Assert.Single(result.Errors);
        Assert.Equal($"{id},SdPowerShell.Commands.InvokeDenoiseCommand", error.FullyQualifiedErrorId);
        Assert.Equal(category, error.CategoryInfo.Category);
    }
}
