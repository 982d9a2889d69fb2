using System.Diagnostics;

namespace StableDiffusion.Tests.Onnx;

/// <summary>The script that measures on a card.</summary>
public sealed class CardScriptTests
{
    private const int NoCard = 3;

    [Fact]
    public async Task Without_a_card_the_script_says_so_and_builds_nothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && !File.Exists("/dev/nvidiactl") && !File.Exists("/dev/dxg"), "The script is for Linux, and this is about machines without a card.");
        ProcessStartInfo start = new("bash", [Path.Combine(Repository.Root, "bench", "card.sh")]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;

        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(NoCard, process.ExitCode);
        Assert.StartsWith("There is no NVIDIA card on this machine", output, StringComparison.Ordinal);
        Assert.Single(output.TrimEnd().Split('\n'));
    }
}
