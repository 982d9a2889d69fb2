namespace StableDiffusion.Tests.Module.Commands;

/// <summary>A picture's file says how it is made again, to the byte.</summary>
public sealed class GetDiffusionMetadataTests(CommandShell fixture) : CommandTests(fixture)
{
    [Theory]
    [InlineData("DDIM")]
    [InlineData("DDPM")]
    [InlineData("PNDM")]
    [InlineData("PLMS")]
    [InlineData("LMS")]
    [InlineData("LMS Karras")]
    [InlineData("Euler")]
    [InlineData("Euler Karras")]
    [InlineData("Euler a")]
    [InlineData("Heun")]
    [InlineData("DPM2")]
    [InlineData("DPM2 a")]
    [InlineData("DPM++ 2M")]
    [InlineData("DPM++ 2M Karras")]
    [InlineData("DPM++ 2M SDE Karras")]
    [InlineData("DPM++ 2S a")]
    [InlineData("DPM++ SDE")]
    [InlineData("DPM++ 3M SDE")]
    [InlineData("DEIS")]
    [InlineData("UniPC")]
    [InlineData("LCM")]
    [InlineData("TCD")]
    [InlineData("SASolverScheduler")]
    public void A_picture_is_made_again_by_each_scheduler(string scheduler) => AssertSameAgain($"'a red house' -Scheduler '{scheduler}'", "png");

    [Theory]
    [InlineData("'a red house' -GuidanceScale 3.3333333333333335 -GuidanceRescale 0.1 -NegativePrompt 'a \"tree\", a: cat'")]
    [InlineData("'a (red:1.3) [house|tree] AND a fish :0.5' -PromptSyntax A1111 -Emphasis NoNorm -ClipSkip 2")]
    [InlineData("'a (red:1.3) house' -PromptSyntax ComfyUI -Width 72 -Height 48")]
    [InlineData("'a red house' -RandomSource Cuda -VariationSeed 9 -VariationStrength 0.3 -EtaNoiseSeedDelta 31337 -Scheduler 'Euler a'")]
    [InlineData("\"two\nlines, café, 雪, Steps: 3, Seed: 9, Size: 1x1\"")]
    [InlineData("'a red house' -Scheduler Euler -SchedulerOption @{ timestep_spacing = 'trailing'; use_karras_sigmas = $true }")]
    public void A_picture_is_made_again_whatever_it_was_made_with(string settings) => AssertSameAgain(settings, "png");

    [Theory]
    [InlineData("jpg")]
    [InlineData("webp")]
    public void A_picture_of_another_format_is_made_again(string format) => AssertSameAgain("'a red house, in \"quotes\"' -GuidanceScale 4.7", format);

    [Theory]
    [InlineData("Selected", "Path")]
    [InlineData("Deserialized", "")]
    public void A_picture_is_made_again_of_a_copy_of_its_metadata_without_a_warning(string kind, string left)
    {
        RunWell("New-DiffusionImage 'a red house' -Seed 7 -Steps 2 -OutFile first.png");
        ShellResult result = RunWell($$"""
            $copy = [pscustomobject]@{ }
            foreach ($property in (Get-DiffusionMetadata first.png).psobject.Properties) {
                if ($property.Name -ne '{{left}}') { $copy.psobject.Properties.Add([psnoteproperty]::new($property.Name, $property.Value)) }
            }
            $copy.psobject.TypeNames.Insert(0, '{{kind}}.StableDiffusion.Metadata.ImageMetadata')
            $copy | New-DiffusionImage -OutFile second.png -Strict
            """);

        Assert.Empty(result.Warnings);
        Assert.Equal(File.ReadAllBytes(Folder["first.png"]), File.ReadAllBytes(Folder["second.png"]));
    }

    [Fact]
    public void A_picture_that_was_made_of_another_is_made_again_with_that_one()
    {
        Set("scene", Scene);
        RunWell("New-DiffusionImage 'a red house' -InitImage $scene -Strength 0.6 -Seed 7 -Steps 4 -OutFile first.png");

        ShellResult result = Run("Get-DiffusionMetadata first.png | New-DiffusionImage -InitImage $scene -OutFile second.png");

        Assert.Empty(result.Errors);
        Assert.Contains(result.Warnings, warning => warning.Contains("another image", StringComparison.Ordinal));
        Assert.Equal(File.ReadAllBytes(Folder["first.png"]), File.ReadAllBytes(Folder["second.png"]));
    }

    [Fact]
    public void A_parameter_that_is_given_comes_before_the_file()
    {
        RunWell("New-DiffusionImage 'a red house' -Seed 7 -Steps 2 -OutFile first.png");
        ShellResult result = RunWell("(Get-DiffusionMetadata first.png | New-DiffusionImage -Seed 8).Seed");

        Assert.Equal([8L], result.Values<long>());
    }

    [Fact]
    public void A_file_that_lacks_is_an_error_and_the_next_one_is_read()
    {
        RunWell("New-DiffusionImage 'a red house' -Seed 7 -Steps 2 -OutFile first.png");
        ShellResult result = Run("'missing.png', 'first.png' | Get-DiffusionMetadata | ForEach-Object Seed");

        Assert.Equal([7L], result.Values<long>());
        Assert.StartsWith("PathNotFound,", Assert.Single(result.Errors).FullyQualifiedErrorId, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("New-DiffusionImage 'a red house' -Seed 7 -Steps 2 -NoMetadata -OutFile first.png")]
    [InlineData("New-DiffusionImage 'a red house' -Seed 7 -Steps 2 | Export-DiffusionImage first.png -NoMetadata")]
    public void Metadata_is_left_out_on_demand(string script)
    {
        RunWell(script);
        ShellResult result = Run("(Get-DiffusionMetadata first.png).Entries.Count");

        Assert.Equal([0], result.Values<int>());
        Assert.DoesNotContain("house", System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(Folder["first.png"])), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_metadata_says_so()
    {
        Set("scene", Scene);
        ShellResult result = Run("(Get-DiffusionMetadata $scene).Source.ToString()");

        Assert.Equal(["Unknown"], result.Values<string>());
        Assert.NotEmpty(result.Warnings);
    }

    private void AssertSameAgain(string settings, string format)
    {
        RunWell($"New-DiffusionImage {settings} -Seed 7 -Steps 4 -OutFile first.{format}");
        RunWell($"Get-DiffusionMetadata first.{format} | New-DiffusionImage -OutFile second.{format}");
        Assert.Equal(File.ReadAllBytes(Folder[$"first.{format}"]), File.ReadAllBytes(Folder[$"second.{format}"]));
    }
}
