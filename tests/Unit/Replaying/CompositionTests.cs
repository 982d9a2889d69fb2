using System.Diagnostics;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Replaying;
using StableDiffusion.Tests.Module;

namespace StableDiffusion.Tests.Replaying;

/// <summary>Whatever stages made an image, its record makes it again, and so does the script of the record.</summary>
public sealed class CompositionTests(Compositions compositions) : IClassFixture<Compositions>
{
    private const string Runner = """
        $ErrorActionPreference = 'Stop'
        $WarningPreference = 'SilentlyContinue'
        foreach ($number in 0..([int] $env:COUNT - 1)) {
            $image = & "./$number.ps1"
            [System.Convert]::ToHexString([System.Security.Cryptography.SHA256]::HashData([byte[]] $image.Pixels))
        }
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Any_composition_of_stages_is_made_again_from_its_record()
    {
        foreach (Compositions.Composition composition in compositions.All)
        {
            ReplayImages images = new();
            foreach (string file in composition.Files.Where(file => composition.Record.Contains(Path.GetFileName(file), StringComparison.Ordinal)))
                images.Add(ImageFile.Read(file), ImageFile.LoadMask(file, Token));

            StageReplay replay = new(compositions.Models, compositions.Run, images);
            Assert.Empty(replay.Check(composition.Stages, Token));
            DiffusionImage again = replay.Run(composition.Stages, Token);
            Assert.True(composition.Hash == Compositions.HashOf(again), composition.Description);
            Assert.Equal(composition.Record, GenerationRecord.Write(RecordedNames.Only(again.Info)));
        }
    }

    [Fact]
    public async Task Any_composition_of_stages_is_made_again_by_its_script_in_a_new_session()
    {
        for (int number = 0; number < compositions.All.Count; number++)
            await File.WriteAllTextAsync(compositions.Store[$"{number}.ps1"], compositions.All[number].Script, Token);

        ProcessStartInfo start = ShellProcess.StartInfo(BuiltModule.PowerShell, ShellProcess.ScriptArguments(Runner));
        start.WorkingDirectory = compositions.Store.Path;
        start.Environment["COUNT"] = $"{compositions.All.Count}";
        foreach (string folder in (string[])["models", "loras", "embeddings", "controlnets", "upscalers", "cache"])
            start.Environment[$"STABLEDIFFUSION_{folder.ToUpperInvariant()}"] = compositions.Store[folder];
        ShellProcess.Result result = await ShellProcess.Run(start);

        Assert.Equal(string.Empty, result.Errors);
        Assert.Equal(compositions.All.Select(static composition => composition.Hash), result.Lines);
    }
}
