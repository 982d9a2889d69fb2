using System.Management.Automation;
using System.Text;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>The files that New-DiffusionImage writes.</summary>
public sealed class NewDiffusionImageTests(CommandShell fixture) : CommandTests(fixture)
{
    private const string Cmdlet = "NewDiffusionImage";

    [Fact]
    public void Prompts_are_piped_as_texts_and_files_are_named_after_them()
    {
        ShellResult result = RunWell("'A red house; 100%!', 'CON' | New-DiffusionImage -Seed 5 -Steps 2 -OutDirectory new/pictures");

        Assert.Equal(["new", "new/pictures", "new/pictures/a-red-house-100-5.png", "new/pictures/con-5.png"], Names);
        Assert.Equal([Folder["new", "pictures", "a-red-house-100-5.png"], Folder["new", "pictures", "con-5.png"]], result.Values<DiffusionImage>().Select(image => image.Path!));
    }

    [Fact]
    public void A_name_that_is_taken_is_evaded_where_nobody_chose_it()
    {
        RunWell("'a', 'a' | New-DiffusionImage -Seed 5 -Steps 2 -OutDirectory . -Force");
        Assert.Equal(["a-5-2.png", "a-5.png"], Names);
    }

    [Fact]
    public void Without_a_file_or_a_folder_nothing_is_written()
    {
        DiffusionImage image = Assert.Single(RunWell("New-DiffusionImage 'a' -Seed 5 -Steps 2").Values<DiffusionImage>());

        Assert.Null(image.Path);
        Assert.Empty(Names);
        Assert.Equal(("a", 5L, 2, "DDIM", 5.0, "demo"), (image.Prompt, image.Seed, image.Steps, image.Scheduler, image.GuidanceScale, image.Model));
        Assert.Equal((64, 64), (image.Width, image.Height));
    }

    [Fact]
    public void Count_numbers_the_files_and_the_seeds()
    {
        ShellResult result = RunWell("New-DiffusionImage 'a' -Seed 41 -Count 10 -Steps 1 -OutFile x.png; New-DiffusionImage 'a' -Seed 42 -Steps 1 -OutFile single.png");

        Assert.Equal([.. Enumerable.Range(41, 10), 42], result.Values<DiffusionImage>().Select(image => (int)image.Seed!));
        Assert.Equal(["single.png", .. Enumerable.Range(1, 10).Select(number => $"x-{number:00}.png")], Names);
        Assert.Equal(File.ReadAllBytes(Folder["single.png"]), File.ReadAllBytes(Folder["x-02.png"]));
    }

    [Fact]
    public void Variations_keep_the_seed_and_number_the_variation_seeds()
    {
        IReadOnlyList<DiffusionImage> images = RunWell("New-DiffusionImage 'a' -Seed 41 -VariationSeed 5 -VariationStrength 1 -Count 2 -Steps 1; New-DiffusionImage 'a' -Seed 6 -Steps 1").Values<DiffusionImage>();

        Assert.Equal([(41L, 5L), (41L, 6L), (6L, null)], images.Select(image => (image.Seed!.Value, image.VariationSeed)));
        Assert.Equal(images[2].Pixels, images[1].Pixels);
        Assert.NotEqual(images[0].Pixels, images[1].Pixels);
    }

    [Fact]
    public void Pictures_that_share_a_generator_have_one_seed_and_can_be_made_again_one_by_one()
    {
        RunWell("""
            $all = New-DiffusionImage 'a' -Seed 41 -Count 3 -SharedGenerator -Steps 2 -Scheduler 'Euler a' -OutFile x.png
            $all[1] | New-DiffusionImage -OutFile again.png
            New-DiffusionImage 'a' -Seed 41 -Steps 2 -Scheduler DDIM -OutFile alone.png
            New-DiffusionImage 'a' -Seed 41 -Steps 2 -Scheduler DDIM -BatchSize 3 -BatchIndex 0 -OutFile first.png
            """);
        IReadOnlyList<DiffusionImage> images = [.. new[] { "x-1.png", "x-2.png", "x-3.png", "again.png", "alone.png", "first.png" }.Select(name => ImageFile.Read(Folder[name]))];

        Assert.Equal(images[1].Pixels, images[3].Pixels);
        Assert.Equal(images[4].Pixels, images[5].Pixels);
        Assert.NotEqual(images[0].Pixels, images[1].Pixels);
        Assert.NotEqual(images[1].Pixels, images[2].Pixels);
        Assert.Contains("Seed: 41,", Encoding.Latin1.GetString(File.ReadAllBytes(Folder["x-3.png"])), StringComparison.Ordinal);
    }

    [Fact]
    public void Seeds_that_nobody_chose_differ()
    {
        IReadOnlyList<DiffusionImage> images = RunWell("'a', 'a' | New-DiffusionImage -Steps 1").Values<DiffusionImage>();
        Assert.NotEqual(images[0].Seed, images[1].Seed);
        Assert.All(images, image => Assert.InRange(image.Seed!.Value, 0, uint.MaxValue));
    }

    [Theory]
    [InlineData("-OutFile x.png", "x.png", "89504E47")]
    [InlineData("-OutFile x.JPG -Quality 50", "x.JPG", "FFD8FF")]
    [InlineData("-OutFile x.webp", "x.webp", "52494646")]
    [InlineData("-OutFile x -Format webp", "x.webp", "52494646")]
    [InlineData("-OutFile x.png -Format jpg", "x.png", "89504E47")]
    [InlineData("-OutDirectory . -Format jpg", "a-5.jpg", "FFD8FF")]
    public void The_name_says_the_kind_of_file(string output, string name, string beginning)
    {
        RunWell($"New-DiffusionImage a -Seed 5 -Steps 1 {output}");

        Assert.Equal([name], Names);
        Assert.StartsWith(beginning, Convert.ToHexString(File.ReadAllBytes(Folder[name])), StringComparison.Ordinal);
    }

    [Fact]
    public void A_png_says_what_made_it()
    {
        RunWell("New-DiffusionImage 'a red house' -NegativePrompt 'a tree' -Seed 5 -Steps 2 -GuidanceScale 4.5 -Scheduler dpmpp_2m_karras -OutFile x.png");

        string text = TextChunk(File.ReadAllBytes(Folder["x.png"]), "parameters");
        string[] lines = text.Split('\n');
        Assert.Equal(["a red house", "Negative prompt: a tree"], lines[..2]);
        Assert.StartsWith("Steps: 2, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 4.5, Seed: 5, Size: 64x64, ", lines[2], StringComparison.Ordinal);
        Assert.Contains("Model: demo", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIf_writes_nothing_and_makes_nothing()
    {
        ShellResult result = RunWell("'a', 'b' | New-DiffusionImage -Seed 5 -Count 2 -OutDirectory new -WhatIf -Verbose");

        Assert.Empty(result.Output);
        Assert.Empty(result.Verbose);
        Assert.Empty(Names);
    }

    [Fact]
    public void Confirm_asks_for_each_file()
    {
        AnsweringHost host = new("Yes", "No", "Yes to All");
        using ModuleShell shell = new(host);
        shell.Set("folder", Folder.Path);
        ShellResult result = shell.Invoke("New-DiffusionImage 'a' -Seed 1 -Count 4 -Steps 1 -OutDirectory $folder -Confirm");

        Assert.False(result.HadErrors);
        Assert.Equal(["a-1.png", "a-3.png", "a-4.png"], Names);
        Assert.Equal(3, host.Questions.Count);
        Assert.Contains(Folder["a-2.png"], host.Questions[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_replaced_with_Force_alone()
    {
        File.WriteAllText(Folder["x.png"], "mine");
        ErrorRecord error = AssertError(Run("New-DiffusionImage 'a' -Steps 1 -OutFile x.png"), "FileExists", ErrorCategory.ResourceExists, Cmdlet);
        Assert.Contains(Folder["x.png"], error.ToString(), StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(Folder["x.png"]));

        RunWell("New-DiffusionImage 'a' -Steps 1 -OutFile x.png -Force");
        Assert.NotEqual("mine", File.ReadAllText(Folder["x.png"]));
        Assert.Equal(["x.png"], Names);
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_told_before_anything_is_made()
    {
        File.WriteAllText(Folder["file"], "mine");
        foreach (string mode in (string[])["-Verbose", "-WhatIf"])
        {
            ShellResult result = Run($"New-DiffusionImage 'a' -Steps 1 -OutFile file/new/x.png {mode}");

            AssertError(result, "FileWriteFailed", ErrorCategory.WriteError, Cmdlet);
            Assert.DoesNotContain(result.Verbose, line => line.StartsWith("Text encoder", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Confirm_asks_for_each_image_without_a_file_too()
    {
        AnsweringHost host = new("No", "Yes");
        using ModuleShell shell = new(host);
        ShellResult result = shell.Invoke("New-DiffusionImage 'a' -Seed 1 -Count 2 -Steps 1 -Confirm");

        Assert.Equal([2L], result.Values<DiffusionImage>().Select(image => image.Seed!.Value));
        Assert.Contains("'a' (seed 1, 64x64)", host.Questions[0], StringComparison.Ordinal);
        Assert.Contains("'a' (seed 2, 64x64)", host.Questions[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_the_right_to_write_is_an_error_and_stays_as_it_is()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "Only a plain user of Unix is kept from writing by the folder's mode.");
        Directory.CreateDirectory(Folder["closed"]);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Folder["closed"], UnixFileMode.UserRead | UnixFileMode.UserExecute);

        ShellResult result = Run("New-DiffusionImage 'a' -Steps 1 -OutDirectory closed");
        AssertError(result, "FileWriteFailed", ErrorCategory.WriteError, Cmdlet);
        Assert.Equal(["closed"], Names);
    }

    [Fact]
    public void A_missing_model_ends_the_pipeline()
    {
        ShellResult result = Run("$read = 0; 'a', 'b', 'c' | ForEach-Object { $read++; $_ } | New-DiffusionImage -Model nope; $read");

        AssertError(result, "ModelNotFound", ErrorCategory.ObjectNotFound, Cmdlet);
        Assert.Equal([1], result.Values<int>());
    }

    [Theory]
    [InlineData("DirectML", "ExecutionProviderUnavailable", ErrorCategory.NotInstalled)]
    [InlineData("nope", "DeviceInvalid", ErrorCategory.InvalidArgument)]
    public void A_device_that_is_none_ends_the_pipeline(string device, string id, ErrorCategory category)
    {
        Assert.SkipWhen(device == "DirectML" && OperatingSystem.IsWindows(), "DirectML may be there.");
        ShellResult result = Run($"$read = 0; 'a', 'b', 'c' | ForEach-Object {{ $read++; $_ }} | New-DiffusionImage -Device {device}; $read");

        AssertError(result, id, category, Cmdlet);
        Assert.Equal([1], result.Values<int>());
    }

    [Fact]
    public void A_model_is_also_given_by_its_folder()
    {
        Set("model", Repository.DemoModel);
        DiffusionImage image = Assert.Single(RunWell("New-DiffusionImage 'a' -Seed 5 -Steps 1 -Model $model").Values<DiffusionImage>());
        Assert.Equal(Assert.Single(RunWell("New-DiffusionImage 'a' -Seed 5 -Steps 1").Values<DiffusionImage>()).Pixels, image.Pixels);
    }

    /// <summary>The text of a PNG file under a keyword (ISO/IEC 15948, 11.3.4).</summary>
    private static string TextChunk(ReadOnlySpan<byte> png, string keyword)
    {
        for (int position = 8; position < png.Length;)
        {
            int length = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(png[position..]);
            ReadOnlySpan<byte> data = png.Slice(position + 8, length);
            if (png.Slice(position + 4, 4).SequenceEqual("tEXt"u8) && Encoding.Latin1.GetString(data).StartsWith(keyword + "\0", StringComparison.Ordinal))
                return Encoding.Latin1.GetString(data[(keyword.Length + 1)..]);
            position += length + 12;
        }

        throw new InvalidDataException($"The file has no text '{keyword}'.");
    }
}
