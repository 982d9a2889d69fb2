using System.Management.Automation;
using StableDiffusion.Images;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>New-DiffusionImage on the rows of a table: one after another, each with its own settings and its own errors.</summary>
public sealed class NewDiffusionImageRowTests(CommandShell fixture) : CommandTests(fixture)
{
    private const string Cmdlet = "NewDiffusionImage";

    public static TheoryData<string, string, ErrorCategory, string> BadRows => new()
    {
        { "Prompt = ''", "PromptInvalid", ErrorCategory.InvalidArgument, "The prompt is empty" },
        { "Prompt = '  '", "PromptInvalid", ErrorCategory.InvalidArgument, "The prompt is empty" },
        { "Prompt = $null", "PromptInvalid", ErrorCategory.InvalidArgument, "The prompt is empty" },
        { "Text = 'bad'; Steps = 1", "PromptInvalid", ErrorCategory.InvalidArgument, "Row 1: The row has no column 'Prompt', but 'Text', 'Steps'." },
        { "Text = 'bad'", "PromptInvalid", ErrorCategory.InvalidArgument, "Prompt" },
        { "Id = 1; Promt = 'bad'", "PromptInvalid", ErrorCategory.InvalidArgument, "'Id', 'Promt'. Did you mean 'Prompt' by 'Promt'?" },
        { "'Prompt;Steps' = 'bad;1'", "PromptInvalid", ErrorCategory.InvalidArgument, "'Prompt;Steps'. Read the table with Import-Csv -Delimiter ';'." },
        { "\"Prompt`tSteps\" = 'bad'", "PromptInvalid", ErrorCategory.InvalidArgument, "Import-Csv -Delimiter \"`t\"." },
        { "", "PromptInvalid", ErrorCategory.InvalidArgument, "The row has no columns" },
        { "Prompt = 'bad'; Width = 60", "WidthInvalid", ErrorCategory.InvalidArgument, "such as 64" },
        { "Prompt = 'bad'; Height = '100000'", "HeightInvalid", ErrorCategory.InvalidArgument, "8192" },
        { "Prompt = 'bad'; Scheduler = 'Eular'", "SchedulerNotFound", ErrorCategory.ObjectNotFound, "Did you mean 'Euler'" },
        { "Prompt = 'bad'; Seed = -2", "SeedInvalid", ErrorCategory.InvalidArgument, "The seed -2" },
        { "Prompt = 'bad'; Seed = '99999999999999999999'", "SeedInvalid", ErrorCategory.InvalidArgument, "Row 1 ('bad'): Seed is '99999999999999999999', but must be a whole number up to 9223372036854775807" },
        { "Prompt = 'bad'; Seed = 1e20", "SeedInvalid", ErrorCategory.InvalidArgument, "Seed is '1E+20'" },
        { "Prompt = 'bad'; Seed = 9223372036854775807; Count = 2", "SeedInvalid", ErrorCategory.InvalidArgument, "2 seeds" },
        { "Prompt = 'bad'; Steps = 'abc'", "StepsInvalid", ErrorCategory.InvalidArgument, "Steps is 'abc', but must be a whole number" },
        { "Prompt = 'bad'; Steps = '0'", "StepsInvalid", ErrorCategory.InvalidArgument, "Steps is 0" },
        { "Prompt = 'bad'; Steps = '1001'", "StepsInvalid", ErrorCategory.InvalidArgument, "Steps is 1001" },
        { "Prompt = 'bad'; GuidanceScale = '7,5'", "GuidanceScaleInvalid", ErrorCategory.InvalidArgument, "GuidanceScale is '7,5', but must be a number" },
        { "Prompt = 'bad'; GuidanceScale = 'NaN'", "GuidanceScaleInvalid", ErrorCategory.InvalidArgument, "NaN" },
        { "Prompt = 'bad'; GuidanceRescale = 1.5", "GuidanceRescaleInvalid", ErrorCategory.InvalidArgument, "1.5" },
        { "Prompt = 'bad'; RandomSource = 'Cpu'", "RandomSourceInvalid", ErrorCategory.InvalidArgument, "TorchCpu or Cuda" },
        { "Prompt = 'bad'; VariationStrength = '1.5'", "VariationStrengthInvalid", ErrorCategory.InvalidArgument, "1.5" },
        { "Prompt = 'bad'; VariationStrength = 1; VariationSeed = 9223372036854775807; Count = 2", "VariationSeedInvalid", ErrorCategory.InvalidArgument, "2 seeds" },
        { "Prompt = 'bad'; BatchSize = '2'", "BatchSizeInvalid", ErrorCategory.InvalidArgument, "BatchIndex" },
        { "Prompt = 'bad'; Count = 0", "CountInvalid", ErrorCategory.InvalidArgument, "Count is 0" },
        { "Prompt = 'bad'; Strength = 0.5", "StrengthInvalid", ErrorCategory.InvalidArgument, "-InitImage" },
        { "Prompt = 'bad'; InitImage = 'nope.png'", "PathNotFound", ErrorCategory.ObjectNotFound, "nope.png" },
        { "Prompt = 'bad'; InitImage = 'text.png'", "ImageInvalid", ErrorCategory.InvalidData, "text.png" },
        { "Prompt = 'bad'; InitImage = 'folder.png'", "ImageInvalid", ErrorCategory.InvalidData, "is a folder" },
        { "Prompt = 'bad'; InitImage = 'Env:/PATH'", "PathNotFileSystem", ErrorCategory.InvalidArgument, "Environment" },
        { "Prompt = 'bad'; InitImage = $scene; Strength = 0", "StrengthInvalid", ErrorCategory.InvalidArgument, "trength" },
        { "Prompt = 'bad'; InitImage = $scene; Width = 72; ResizeMode = 'None'", "ImageInvalid", ErrorCategory.InvalidData, "not 72x64" },
        { "Prompt = 'bad'; InitImage = $scene; Width = 60", "WidthInvalid", ErrorCategory.InvalidArgument, "such as 64" },
        { "Prompt = 'bad'; InitImage = $scene; ResizeMode = 'Fit'", "ResizeModeInvalid", ErrorCategory.InvalidArgument, "Stretch, Crop, Pad or Fill" },
        { "Prompt = 'bad'; InitImage = 7", "InitImageInvalid", ErrorCategory.InvalidArgument, "Int32" },
        { "Prompt = 'bad'; InitImage = $scene; MaskImage = $small", "ImageInvalid", ErrorCategory.InvalidData, "mask" },
        { "Prompt = 'bad'; MaskImage = $scene", "MaskImageInvalid", ErrorCategory.InvalidArgument, "-InitImage" },
        { "Prompt = 'bad'; ResizeMode = 'Crop'", "ResizeModeInvalid", ErrorCategory.InvalidArgument, "-InitImage" },
        { "Prompt = 'bad'; ResizeMode = 'Crop'; InitImage = ''", "ResizeModeInvalid", ErrorCategory.InvalidArgument, "-InitImage" },
        { "Prompt = 'bad'; ResizeMode = 'nope'", "ResizeModeInvalid", ErrorCategory.InvalidArgument, "-InitImage" },
        { "Prompt = 'bad'; VariationSeed = 4", "VariationSeedInvalid", ErrorCategory.InvalidArgument, "VariationStrength" },
        { "Prompt = 'bad'; subseed = '4'; subseed_strength = ''", "VariationSeedInvalid", ErrorCategory.InvalidArgument, "VariationStrength" },
        { "Prompt = 'bad'; VariationSeed = -2; VariationStrength = 0.5", "VariationSeedInvalid", ErrorCategory.InvalidArgument, "-2" },
        { "Prompt = 'bad'; SeedResizeWidth = 64; SeedResizeHeight = 0", "SeedResizeWidthInvalid", ErrorCategory.InvalidArgument, "alone" },
        { "Prompt = 'bad'; ControlImage = 'nope.png'", "ControlImageInvalid", ErrorCategory.InvalidArgument, "-ControlNet" },
        { "Prompt = 'bad'; ControlPreprocessor = 'Canny'; ControlNet = ''", "ControlPreprocessorInvalid", ErrorCategory.InvalidArgument, "-ControlNet" },
        { "Prompt = 'bad'; ControlScale = '0.5'", "ControlScaleInvalid", ErrorCategory.InvalidArgument, "-ControlNet" },
        { "Prompt = 'bad'; ControlStart = 0.5", "ControlStartInvalid", ErrorCategory.InvalidArgument, "-ControlNet" },
        { "Prompt = 'bad'; ControlEnd = 0.5", "ControlEndInvalid", ErrorCategory.InvalidArgument, "-ControlNet" },
        { "Prompt = 'bad'; ControlNet = 'net'; ControlImage = ''", "ControlImageInvalid", ErrorCategory.InvalidArgument, "needs an image" },
        { "Prompt = 'bad'; ControlNet = 'net'", "ControlImageInvalid", ErrorCategory.InvalidArgument, "needs an image" },
        { "Prompt = 'bad'; OutFile = 'text.png'", "FileExists", ErrorCategory.ResourceExists, "text.png" },
        { "Prompt = 'bad'; OutFile = 'folder.png'", "FileWriteFailed", ErrorCategory.WriteError, "folder of that name" },
        { "Prompt = 'bad'; OutFile = 'text.png/x.png'", "FileWriteFailed", ErrorCategory.WriteError, "text.png' is a file" },
        { "Prompt = 'bad'; OutFile = 'x.docx'; OutDirectory = 'new'", "OutFileInvalid", ErrorCategory.InvalidArgument, ".png" },
        { "Prompt = 'bad'; OutFile = 'Env:/x.png'", "PathNotFileSystem", ErrorCategory.InvalidArgument, "Environment" },
        { "Prompt = 'bad'; OutFile = 'nodrive:/x.png'", "PathNotFound", ErrorCategory.ObjectNotFound, "nodrive" },
        { "Prompt = 'bad'; OutDirectory = 'text.png'", "FileWriteFailed", ErrorCategory.WriteError, "text.png" },
        { "Prompt = 'bad'; OutFile = \"a`0.png\"", "OutFileInvalid", ErrorCategory.InvalidArgument, "not a file name" },
        { "Prompt = 'bad'; OutFile = \"a`0/x.png\"; OutDirectory = '.'", "OutFileInvalid", ErrorCategory.InvalidArgument, "not a file name" },
        { "Prompt = 'bad'; OutFile = '\\'", "OutFileInvalid", ErrorCategory.InvalidArgument, "not a file name" },
        { "Prompt = 'bad'; OutFile = '\\\\'", "OutFileInvalid", ErrorCategory.InvalidArgument, "not a file name" },
        { "Prompt = 'bad'; OutFile = 'q.png'; OutDirectory = \"a`0\"", "PathInvalid", ErrorCategory.InvalidArgument, "'a?'" },
        { "Prompt = 'bad'; InitImage = \"a`0.png\"", "PathInvalid", ErrorCategory.InvalidArgument, "'a?.png'" },
        { "Prompt = 'bad'; Model = \"a`0\"", "ModelNotFound", ErrorCategory.ObjectNotFound, "'a?'" },
        { "Prompt = 'bad'; Lora = \"a`0\"", "AdapterNotFound", ErrorCategory.ObjectNotFound, "'a?'" },
        { "Prompt = 'bad'; Lora = \"./a`0\"", "PathInvalid", ErrorCategory.InvalidArgument, "'./a?'" },
        { "Prompt = 'bad'; TextualInversion = \"a`0\"", "AdapterNotFound", ErrorCategory.ObjectNotFound, "'a?'" },
        { "Prompt = 'bad'; ControlNet = \"a`0\"; ControlImage = $scene", "ControlNetNotFound", ErrorCategory.ObjectNotFound, "'a?'" },
        { "Prompt = 'bad'; ControlNet = '.'; ControlImage = $scene", "ControlNetNotFound", ErrorCategory.ObjectNotFound, "not a ControlNet, or not a complete one" },
        { "Prompt = '(a:1e39)'; PromptSyntax = 'ComfyUI'; Steps = 1", "PromptInvalid", ErrorCategory.InvalidArgument, "a weight of Infinity" },
        { "Prompt = '(a:-400000000000000000000000000000000000000)'; PromptSyntax = 'A1111'; Steps = 1", "PromptInvalid", ErrorCategory.InvalidArgument, "a weight of -Infinity" },
        { "Prompt = 'bad'; Model = 'nope'", "ModelNotFound", ErrorCategory.ObjectNotFound, "demo" },
        { "Prompt = 'bad'; Model = 'nodrive:/nope'", "ModelNotFound", ErrorCategory.ObjectNotFound, "nodrive:/nope" },
    };

    [Theory]
    [MemberData(nameof(BadRows))]
    public void A_bad_row_is_one_error_and_the_next_has_its_turn(string row, string id, ErrorCategory category, string message)
    {
        File.WriteAllText(Folder["text.png"], "no picture");
        Directory.CreateDirectory(Folder["folder.png"]);
        Set("scene", Scene);
        Set("small", Repository.Data("images", "rgb.png"));

        ShellResult result = Run($$"""
            $rows = [pscustomobject]@{ {{row}} }, [pscustomobject]@{ Prompt = 'good'; Steps = 1 }
            $rows | New-DiffusionImage
            """);

        Assert.Equal(["good"], result.Values<DiffusionImage>().Select(image => image.Prompt!));
        ErrorRecord error = AssertError(result, id, category, Cmdlet);
        Assert.Contains(message, error.ToString(), StringComparison.Ordinal);
        Assert.IsType<PSCustomObject>(Unwrap(error.TargetObject));
        Assert.Equal(["folder.png", "text.png"], Names);
        Assert.Equal("no picture", File.ReadAllText(Folder["text.png"]));
    }

    [Theory]
    [InlineData(@"\\srv\share\x.png")]
    [InlineData(@"\\srv\share")]
    public void The_path_of_a_share_is_an_error_of_its_row_where_there_are_none(string file)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Shares exist on Windows.");
        ShellResult result = Run($"[pscustomobject]@{{ Prompt = 'bad'; OutFile = '{file}' }}, [pscustomobject]@{{ Prompt = 'bad'; OutFile = 'x.png'; OutDirectory = '{file}' }}, [pscustomobject]@{{ Prompt = 'good'; Steps = 1 }} | New-DiffusionImage");

        Assert.Equal(["OutFileInvalid,SdPowerShell.Commands.NewDiffusionImageCommand", "PathInvalid,SdPowerShell.Commands.NewDiffusionImageCommand"], result.Errors.Select(error => error.FullyQualifiedErrorId));
        Assert.Equal(["good"], result.Values<DiffusionImage>().Select(image => image.Prompt!));
        Assert.Empty(Names);
    }

    [Fact]
    public void A_file_name_has_its_folder_by_either_separator()
    {
        RunWell(@"[pscustomobject]@{ Prompt = 'a'; Steps = 1; OutFile = 'b\c.png'; OutDirectory = 'a' }, [pscustomobject]@{ Prompt = 'a'; Steps = 1; OutFile = 'd\e.png' } | New-DiffusionImage");
        Assert.Equal(["a", "a/b", "a/b/c.png", "d", "d/e.png"], Names);
    }

    [Fact]
    public void Names_and_prompts_of_others_do_not_write_to_the_terminal()
    {
        string escape = "\u001b]0;title\u0007";
        Set("evil", escape);
        List<string> shown = [];
        ProgressWritten += record => shown.Add(record.Activity + record.StatusDescription);
        ShellResult result = Run("""
            [pscustomobject]@{ Prompt = "$evil (a)"; Steps = 1; OutFile = "$evil.png" }, [pscustomobject]@{ Prompt = "$evil b"; InitImage = "$evil.png/x.png" }, [pscustomobject]@{ Prompt = "$evil c"; $evil = 1; Steps = 1; OutDirectory = "nodrive:/$evil" } | New-DiffusionImage -Verbose
            """);

        Assert.Equal(2, result.Errors.Count);
        Assert.NotEmpty(result.Warnings);
        Assert.NotEmpty(shown);
        Assert.All([.. result.Errors.Select(error => error.ToString()), .. result.Errors.Select(error => error.Exception.Message), .. result.Warnings, .. result.Verbose, .. shown], text => Assert.DoesNotContain(text, char.IsControl));
    }

    [Fact]
    public void Of_a_prompt_that_is_far_too_long_the_beginning_of_the_rest_is_shown()
    {
        Set("prompt", string.Concat(Enumerable.Repeat("word ", 5000)));
        string warning = Assert.Single(Run("New-DiffusionImage $prompt -Steps 1").Warnings);
        Assert.InRange(warning.Length, 300, 900);
        Assert.Matches("word…', 24[.,\\s]?\\d{3} characters. With -PromptSyntax A1111", warning);
    }

    [Fact]
    public void Rows_bind_by_the_names_of_their_columns_and_empty_cells_count_as_left_out()
    {
        ShellResult result = RunWell("""
            $rows = [pscustomobject]@{ Prompt = 'first'; Seed = '3'; Steps = '2'; GuidanceScale = '2.5'; Scheduler = 'k_euler_a'; OutFile = 'first.png'; Other = 'x' },
                [pscustomobject]@{ Prompt = 'second'; Seed = ''; Steps = '1'; GuidanceScale = ' '; Scheduler = ''; OutFile = ''; Other = '' },
                [pscustomobject]@{ Prompt = 4; Steps = 1 }
            $rows | New-DiffusionImage
            """);

        IReadOnlyList<DiffusionImage> images = result.Values<DiffusionImage>();
        Assert.Equal(3, images[0].Seed);
        Assert.NotEqual(3, images[1].Seed);
        Assert.Equal(
            [("first", 2, 2.5, "Euler a"), ("second", 1, 5.0, "DDIM"), ("4", 1, 5.0, "DDIM")],
            images.Select(image => (image.Prompt, image.Steps!.Value, image.GuidanceScale!.Value, image.Scheduler)));
        Assert.Equal(["first.png"], Names);
    }

    [Fact]
    public void What_other_tools_write_for_left_out_counts_as_left_out()
    {
        ShellResult result = RunWell("""
            [pscustomobject]@{ prompt = 'a'; steps = 1; seed = -1; subseed = -1; subseed_strength = 0; seed_resize_from_w = -1; seed_resize_from_h = -1 },
                [pscustomobject]@{ prompt = 'a'; steps = '1'; seed = '-1'; subseed = '-1'; subseed_strength = '0.5'; seed_resize_from_w = '0'; seed_resize_from_h = '0' } | New-DiffusionImage
            New-DiffusionImage a -Steps 1 -Seed -1 -VariationSeed -1
            [pscustomobject]@{ Prompt = 'a'; Steps = 1; VariationSeed = 4; VariationStrength = 0; ControlScale = ''; ControlImage = ' '; ResizeMode = '' } | New-DiffusionImage
            """);

        IReadOnlyList<DiffusionImage> images = result.Values<DiffusionImage>();
        Assert.Equal(4, images.Count);
        Assert.Equal(4, images.DistinctBy(image => image.Seed).Count(image => image.Seed >= 0));
        Assert.All(images, image => Assert.Null(image.SeedResizeWidth));
        Assert.Equal([false, true, false, false], images.Select(image => image.VariationSeed >= 0));
        Assert.Empty(result.Warnings);
    }

    [Fact]
    public void Settings_without_effect_that_an_object_carries_along_are_passed_over()
    {
        ShellResult result = RunWell("""
            class Carrier { $Prompt = 'a'; $Steps = 1; $VariationSeed = 4; $ControlScale = 0.5; $ControlImage = 'nope.png'; $ResizeMode = 'Crop' }
            [Carrier]::new() | New-DiffusionImage
            """);
        Assert.Single(result.Values<DiffusionImage>());
    }

    [Theory]
    [InlineData("-ResizeMode Crop", "ResizeModeInvalid")]
    [InlineData("-VariationSeed 4", "VariationSeedInvalid")]
    [InlineData("-VariationSeed { 4 }", "VariationSeedInvalid")]
    [InlineData("-ControlImage nope.png", "ControlImageInvalid")]
    public void Settings_without_effect_are_errors_of_each_record_where_they_are_given_by_name(string setting, string id)
    {
        ShellResult result = Run($"New-DiffusionImage a -Steps 1 | New-DiffusionImage {setting}");
        AssertError(result, id, ErrorCategory.InvalidArgument, Cmdlet);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void What_is_given_by_name_holds_for_all_rows()
    {
        ShellResult result = RunWell("[pscustomobject]@{ Prompt = 'a'; Steps = 9 }, [pscustomobject]@{ Prompt = 'b'; Steps = 8 } | New-DiffusionImage -Steps 1");
        Assert.Equal([1, 1], result.Values<DiffusionImage>().Select(image => image.Steps!.Value));
    }

    [Fact]
    public void Each_picture_comes_out_before_the_next_row_is_read()
    {
        ShellResult result = RunWell("""
            $log = [System.Collections.Generic.List[string]]::new()
            1..3 | ForEach-Object { $log.Add("row $_"); [pscustomobject]@{ Prompt = 'a'; Seed = $_; Steps = 1; OutFile = "$_.png" } } |
                New-DiffusionImage |
                ForEach-Object { $log.Add("picture $($_.Seed) $([System.IO.File]::Exists($_.Path))") }
            $log
            """);
        Assert.Equal("row 1\npicture 1 True\nrow 2\npicture 2 True\nrow 3\npicture 3 True", result.Text);
    }

    [Fact]
    public void A_pipeline_that_has_enough_reads_no_further()
    {
        ShellResult result = RunWell("""
            $log = [System.Collections.Generic.List[string]]::new()
            foreach ($once in 1) { 1..3 | ForEach-Object { $log.Add("row $_"); 'a' } | New-DiffusionImage -Steps 1 | ForEach-Object { break } }
            $log
            """);
        Assert.Equal("row 1", result.Text);
    }

    [Fact]
    public void Null_and_objects_that_are_no_text_are_refused_as_a_prompt()
    {
        ShellResult result = Run("""
            $null, @{ Prompt = 'a' }, [ordered]@{ Prompt = 'a'; Steps = 1 }, @{}, [System.IO.FileInfo]::new('a'), [version]'1.0', (, (@{ Prompt = 'a' }, 'b')), 7 |
                New-DiffusionImage -Steps 1
            """);

        Assert.Equal(
            ["PromptInvalid", "PromptInvalid", "PromptInvalid", "PromptInvalid", "ParameterArgumentTransformationError", "PromptInvalid", "PromptInvalid"],
            result.Errors.Select(error => error.FullyQualifiedErrorId.Split(',')[0]));
        Assert.All(result.Errors.Skip(1).Take(3), error => Assert.Contains("Cast it to [pscustomobject]", error.ToString(), StringComparison.Ordinal));
        Assert.StartsWith("Object 6: An object of type Version has no property 'Prompt'.", result.Errors[5].ToString(), StringComparison.Ordinal);
        Assert.Equal(["7"], result.Values<DiffusionImage>().Select(image => image.Prompt!));
    }

    [Theory]
    [InlineData("Count")]
    [InlineData("Quality")]
    [InlineData("Steps")]
    [InlineData("Seed")]
    public void What_is_no_number_is_named_by_its_parameter(string parameter)
    {
        ShellResult result = Run($"'a' | New-DiffusionImage -{parameter} many");
        Assert.Matches($"^({parameter} is|Row 1 .*: {parameter} is) 'many', but must be ", AssertError(result, $"{parameter}Invalid", ErrorCategory.InvalidArgument, Cmdlet).ToString());
    }

    [Theory]
    [InlineData("@{ Prompt = 'a' }", "PromptInvalid")]
    [InlineData("([pscustomobject]@{ Prompt = 'a' })", "ParameterArgumentTransformationError")]
    public void An_argument_that_is_no_text_is_one_error_of_the_command(string prompt, string id)
    {
        ShellResult result = Run($"Get-DiffusionModel | New-DiffusionImage -Prompt {prompt} -Steps 1; 'next'");
        AssertError(result, id, id == "PromptInvalid" ? ErrorCategory.InvalidArgument : ErrorCategory.InvalidData, Cmdlet);
        Assert.Equal("next", result.Text);
    }

    [Fact]
    public void A_picture_that_was_not_finished_is_not_written()
    {
        // The folder goes while the picture is made.
        ShellResult result = Run("""
            $null = [System.IO.Directory]::CreateDirectory("$folder/gone")
            New-DiffusionImage 'a' -Steps 2 -OutFile gone/x.png -Verbose 4>&1 | ForEach-Object { if ("$_" -like 'Denoising*') { [System.IO.Directory]::Delete("$folder/gone") } }
            """);

        AssertError(result, "FileWriteFailed", ErrorCategory.WriteError, Cmdlet);
        Assert.Empty(Names);
    }
}
