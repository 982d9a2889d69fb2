using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Text.Json;
using System.Text.Json.Nodes;
using SdPowerShell.Scripts;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Module.Scripts;

/// <summary>Anyone can write anything into an image: a script of it runs nothing but the commands that make the image, and takes no name for a path.</summary>
public sealed class StageScriptTests : IDisposable
{
    private const string Harm = "$global:harm = 1";

    // Run in place of the cmdlets: what they are given is kept, and nothing is done.
    private static string Stubs => string.Concat(
        ((string[])["New-DiffusionImage", "Get-TextEmbedding", "Invoke-Denoise", "ConvertFrom-Latent", "ConvertTo-Latent", "ConvertTo-ControlImage", "Join-DiffusionImage", "Get-Item"])
            .Select(static name => $"function global:{name} {{ foreach ($argument in $args) {{ $null = $global:given.Add($argument) }} }}\n"));

    private static readonly string[] s_texts =
    [
        "--%", "--", "-%", "-", "-NegativePrompt", "–%", "—%", "@args", "@", "$", "$args", "`", "`n", "'", "\"", "''", "\0", "\u0085", "\u2028", "\u2029", "\ufeff", "\u202e", "\ud800", "\udc00x", "😀", "",
        "‘", "’", "‚", "‛", "“", "”", "„", "‟", $"'; {Harm}; '", $"‘; {Harm}; ‘", $"’; {Harm} #", $"‚; {Harm}; ‛", $"“; $({Harm})", $"”; {Harm}; ”", $"„$({Harm})‟", $"\"; $({Harm}); \"", $"$({Harm})", $"`$({Harm})",
        $"x\n{Harm}\n#", $"x\r\n{Harm}\r\n#", $"x\u0085{Harm}", $"x\u2028{Harm}\u2029", $"'@\n{Harm}\n@'", $"\"@\n{Harm}\n@\"", $"@'\n{Harm}\n'@", $"x | % {{ {Harm} }} #", $"x || $({Harm}) #", $"x && $({Harm}) #", $"; {Harm} #>", $"<# #>; {Harm}",
        $"\u0007“; {Harm}; “", $"\u001b'; {Harm}; '", $"{{{Harm}}}", $"&{{{Harm}}}", $"> x; {Harm}", "registry::x", "env:HOME", "function:prompt", "*", "[a]", "a;b", "~", ".", "..", "con", "NaN", "1e999",
    ];

    private readonly Runspace _space = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());

    public StageScriptTests()
    {
        _space.Open();
        using PowerShell shell = PowerShell.Create(_space);
        shell.AddScript(Stubs).Invoke();
    }

    public static TheoryData<int> Seeds => [1, 2, 3];

    public void Dispose() => _space.Dispose();

    [Fact]
    public void A_text_that_PowerShell_reads_as_an_end_of_the_arguments_is_a_text()
    {
        GenerationInfo info = new() { Prompt = "--%", NegativePrompt = $"x\n{Harm}\n#", Seed = 1 };
        (object?[] given, bool isHarmed) = Run(StageScript.Write(FlatRecord.ToStages(info), "x"));
        Assert.False(isHarmed);
        Assert.Equal(["--%", "-NegativePrompt", info.NegativePrompt, "-Seed", 1], given);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void No_text_becomes_a_command(int seed)
    {
        Random random = new(seed);
        for (int i = 0; i < 60; i++)
        {
            string prompt = Text(), negative = Text();
            GenerationInfo info = new()
            {
                Prompt = prompt,
                NegativePrompt = negative,
                Scheduler = Maybe(Text),
                PromptSyntax = Maybe(Text),
                Model = Maybe(Text),
                Lora = Maybe(List),
                TextualInversion = Maybe(List),
                SchedulerOptions = Maybe(() => JsonSerializer.Serialize(new Dictionary<string, object> { ["a" + Text()] = Text(), ["b" + Text()] = new[] { Text(), Text() }, ["eta"] = -0.5 })),
                Seed = random.Next(),
            };
            if (TryWrite(FlatRecord.ToStages(info), Text()) is not string script)
                continue;

            (object?[] given, bool isHarmed) = Run(script);
            Assert.False(isHarmed, script);
            Assert.Equal(prompt, given[0]);

            // Without a text in the prompt, it is not one command.
            if (negative.Length > 0 && !string.IsNullOrWhiteSpace(prompt))
                Assert.Equal(negative, given[Array.IndexOf(given, "-NegativePrompt", 1) + 1]);
        }

        string Text() => s_texts[random.Next(s_texts.Length)] + (random.Next(4) == 0 ? s_texts[random.Next(s_texts.Length)] : string.Empty);

        string List() => JsonSerializer.Serialize(new[] { Text(), Text() });

        string? Maybe(Func<string> make) => random.Next(4) == 0 ? make() : null;
    }

    /// <summary>Every text and number of stages of all kinds is replaced, also by values of other kinds.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public void No_value_of_a_stage_becomes_a_command(int seed)
    {
        Random random = new(seed);
        for (int i = 0; i < 100; i++)
        {
            JsonNode stages = JsonNode.Parse(Stages)!;
            JsonObject[] settings = [.. SettingsOf(stages)];
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                JsonObject changed = settings[random.Next(settings.Length)];
                string[] keys = [.. changed.Select(static item => item.Key), "Lora", "TextualInversion", "Model", "Vae", "Path", "ControlNet", "ControlScale", "SchedulerOptions", Text()];
                changed[keys[random.Next(keys.Length)]] = random.Next(8) switch
                {
                    0 => new JsonArray(Text(), Text()),
                    1 => JsonSerializer.Serialize(new[] { Text(), Text() }),
                    2 => random.NextDouble() * 1e300,
                    3 => new JsonArray(1, -2.5),
                    4 => true,
                    5 => long.MinValue,
                    _ => Text(),
                };
            }

            StageList list;
            try
            {
                list = JsonSerializer.Deserialize<StageList>(stages.ToJsonString())!;
            }
            catch (JsonException)
            {
                continue;
            }

            if (TryWrite(list, Text()) is string script)
                Assert.False(Run(script).IsHarmed, script);
        }

        string Text() => s_texts[random.Next(s_texts.Length)];
    }

    [Theory]
    [InlineData("Get-Date")]
    [InlineData("New-DiffusionImage 'a'; Get-Date")]
    [InlineData("New-DiffusionImage 'a' | ForEach-Object { $_ }")]
    [InlineData("New-DiffusionImage '--%' -NegativePrompt 'x\nGet-Date #'")]
    [InlineData("New-DiffusionImage a")]
    [InlineData("New-DiffusionImage 'a' -Steps Infinity")]
    [InlineData("New-DiffusionImage \"$x\"")]
    [InlineData("New-DiffusionImage $x")]
    [InlineData("New-DiffusionImage @image1")]
    [InlineData("New-DiffusionImage $(1)")]
    [InlineData("New-DiffusionImage (Get-Date)")]
    [InlineData("New-DiffusionImage @{ a = Get-Date }")]
    [InlineData("New-DiffusionImage @{ a = { } }")]
    [InlineData("New-DiffusionImage ('a'.Length)")]
    [InlineData("New-DiffusionImage ([string] 'a')")]
    [InlineData("New-DiffusionImage 'a' -Harm 1")]
    [InlineData("New-DiffusionImage 'a' > x")]
    [InlineData("New-DiffusionImage 'a' &")]
    [InlineData("New-DiffusionImage 'a' && Get-Date")]
    [InlineData("& New-DiffusionImage 'a'")]
    [InlineData(". 'New-DiffusionImage' 'a'")]
    [InlineData("Get-Item 'x' -Path 'y'")]
    [InlineData("$x = New-DiffusionImage 'a'")]
    [InlineData("$env:image1 = 'a'")]
    [InlineData("$image1 += 'a'")]
    [InlineData("if (1) { New-DiffusionImage 'a' }")]
    [InlineData("param($image1 = (Get-Date)) New-DiffusionImage 'a'")]
    [InlineData("using module x\nNew-DiffusionImage 'a'")]
    [InlineData("begin { New-DiffusionImage 'a' }")]
    [InlineData("New-DiffusionImage 'a")]
    [InlineData("function New-DiffusionImage { }")]
    public void A_script_that_does_anything_else_is_refused(string script) =>
        Assert.Contains("meant to do harm", Assert.Throws<NotRepeatableException>(() => ScriptCheck.Checked(script)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("$image1 = Get-Item -LiteralPath 'a'\n$image1, (Get-Item -LiteralPath 'b') | Join-DiffusionImage -Columns 2")]
    [InlineData("New-DiffusionImage ('--%') -Steps 3 -GuidanceScale 1E+20 -SchedulerOption @{ 'eta' = -0.5; 'x' = @(1, 'a'); 'y' = $true; 'z' = $null } -NamesOnly -Lora @()")]
    public void A_script_that_makes_an_image_is_not(string script) => Assert.Equal(script, ScriptCheck.Checked(script));

    [Fact]
    public void Names_are_no_paths_and_what_is_missing_is_said()
    {
        string script = StageScript.Write(FlatRecord.ToStages(new GenerationInfo { Prompt = "a", Model = "absent-model", Lora = """["absent-style:0.5"]""" }), "x");
        Assert.Contains("\n# Not on this computer: the model 'absent-model', the LoRA 'absent-style'. To use a path of your own instead, remove -NamesOnly.\n", script, StringComparison.Ordinal);
        Assert.Contains("-Model 'absent-model' -NamesOnly", script, StringComparison.Ordinal);
        Assert.DoesNotContain("NamesOnly", StageScript.Write(FlatRecord.ToStages(new GenerationInfo { Prompt = "a", Model = "demo" }), "x"), StringComparison.Ordinal);

        script = StageScript.Write(FlatRecord.ToStages(new GenerationInfo { Prompt = "a", Model = "demo", Vae = "absent-vae" }), "x");
        Assert.Contains("\n# Not on this computer: the VAE 'absent-vae'.", script, StringComparison.Ordinal);
        Assert.EndsWith(" -Vae 'absent-vae' -NamesOnly\n", script, StringComparison.Ordinal);

        // The path of an object that was made in this session is the user's.
        string path = Path.GetFullPath("my.safetensors");
        script = StageScript.Write(FlatRecord.ToStages(new GenerationInfo { Prompt = "a", Model = path }), "x");
        Assert.EndsWith($" -Model '{path}'\n", script, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("~")]
    [InlineData(" ")]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("C:b")]
    [InlineData("a;b")]
    public void What_is_no_name_is_refused(string name)
    {
        string list = JsonSerializer.Serialize(new[] { name });
        foreach (GenerationInfo info in (GenerationInfo[])[new() { Prompt = "a", Model = name.Replace(';', '/') }, new() { Prompt = "a", Lora = list }, new() { Prompt = "a", TextualInversion = list }])
            Assert.Null(TryWrite(FlatRecord.ToStages(info), "x"));
        if (!name.Contains(';'))
            Assert.Null(TryWrite(JsonSerializer.Deserialize<StageList>($$"""[{ "Operation": "ReadImage", "Settings": { "Path": {{JsonSerializer.Serialize(name)}} } }]""")!, "x"));
    }

    [Theory]
    [InlineData("""[{ "Operation": "ReadImage", "Settings": { "Path": "m*.img" } }, { "Operation": "Preprocess", "Settings": { "Preprocessor": "Canny" } }]""", "ConvertTo-ControlImage -LiteralPath 'm*.img' -Preprocessor 'Canny'")]
    [InlineData("""[{ "Operation": "ReadImage", "Settings": { "Path": "[m].img" } }, { "Operation": "EncodeImage" }]""", "ConvertTo-Latent -LiteralPath '[m].img'")]
    [InlineData("""[{ "Operation": "ReadImage", "Settings": { "Path": "m*.img" } }]""", "Get-Item -LiteralPath 'm*.img'")]
    public void A_file_with_wildcards_in_its_name_is_one_file(string stages, string command) =>
        Assert.Equal(command, StageScript.Write(JsonSerializer.Deserialize<StageList>(stages)!, "x").Split('\n')[^2]);

    private static string Stages => """
        [
          { "Operation": "ReadImage", "Settings": { "Path": "a.png" }, "Output": "00" },
          { "Operation": "Resize", "Settings": { "Width": 64, "Height": 64, "ResizeMode": "Crop" }, "Output": "01" },
          { "Operation": "EncodeImage", "Settings": { "Seed": 3, "Model": "demo", "ResizeMode": "Crop" }, "Output": "02" },
          {
            "Operation": "Denoise",
            "Settings": { "Seed": 4, "Steps": 5, "Strength": 0.5, "Scheduler": "DDIM", "StopStep": 3, "ControlNet": ["canny", "b"], "ControlScale": [1, 0.5], "Lora": "[\"s:0.5\"]", "SchedulerOptions": "{\"eta\":0.5}", "Model": "demo" },
            "Inputs": {
              "Embedding": [[{ "Operation": "EncodePrompt", "Settings": { "Prompt": "a", "TextualInversion": "[\"w\"]", "PromptSyntax": "A1111" } }]],
              "NegativeEmbedding": [[{ "Operation": "EncodePrompt", "Settings": { "Prompt": "b" } }]],
              "MaskImage": [[{ "Operation": "ReadImage", "Settings": { "Path": "m.png" } }, { "Operation": "ToMask" }]],
              "ControlImage": [[{ "Operation": "ReadImage", "Settings": { "Path": "c.png" } }], [{ "Operation": "ReadImage", "Settings": { "Path": "d.png" } }, { "Operation": "Preprocess", "Settings": { "Preprocessor": "Canny", "LowThreshold": 3 } }]]
            },
            "Output": "03"
          },
          { "Operation": "Decode", "Settings": { "Model": "demo" }, "Output": "04" }
        ]
        """;

    private static IEnumerable<JsonObject> SettingsOf(JsonNode? node) => node switch
    {
        JsonArray list => list.SelectMany(SettingsOf),
        JsonObject item => item.SelectMany(static child => child.Key == "Settings" ? [(JsonObject)child.Value!] : SettingsOf(child.Value)),
        _ => [],
    };

    private static string? TryWrite(StageList stages, string title)
    {
        try
        {
            return StageScript.Write(stages, title);
        }
        catch (NotRepeatableException)
        {
            return null;
        }
    }

    private (object?[] Given, bool IsHarmed) Run(string script)
    {
        System.Collections.ArrayList given = [];
        _space.SessionStateProxy.SetVariable("given", given);
        using PowerShell shell = PowerShell.Create(_space);
        shell.AddScript(script[(script.IndexOf('\n', StringComparison.Ordinal) + 1)..]).Invoke();
        Assert.True(shell.Streams.Error.Count == 0, $"{shell.Streams.Error.FirstOrDefault()} {script}");
        return ([.. given.Cast<object?>().Select(static item => item is PSObject wrapped ? wrapped.BaseObject : item)], _space.SessionStateProxy.GetVariable("harm") is not null);
    }
}
