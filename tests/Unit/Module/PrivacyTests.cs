namespace StableDiffusion.Tests.Module;

/// <summary>That the module keeps to itself: no network, and no file that the user did not ask for outside its own folders.</summary>
public sealed class PrivacyTests(PrivateSession session) : IClassFixture<PrivateSession>
{
    // A packet that is sent, and one that cannot be since the network is empty.
    private static readonly string[] s_attempts = ["OutRequests", "OutNoRoutes", "Ip6OutRequests", "Ip6OutNoRoutes"];

    [Fact]
    public async Task A_session_writes_nothing_but_its_images_outside_the_folders_of_the_module()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The folders of the user are set by variables on Linux only.");

        ShellProcess.Result result = await session.Result();
        Assert.Equal(string.Empty, result.Errors);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("tiny", result.Lines);
        Assert.Equal(["work/stages.png", "work/whole.png"], await session.ForeignFiles());
    }

    [Fact]
    public async Task A_session_sends_nothing_and_looks_up_no_host()
    {
        Assert.SkipUnless(PrivateSession.CanLeaveNetwork, "This system gives a user no network of their own.");

        Dictionary<string, long> counters = Counters((await session.Result()).Lines);
        Assert.All(s_attempts, name => Assert.Equal(0, counters[name]));
    }

    /// <summary>The counters of <c>/proc/net/snmp</c>, whose lines of names are each followed by one of values, and of <c>snmp6</c>, with one in a line.</summary>
    private static Dictionary<string, long> Counters(IReadOnlyList<string> lines)
    {
        Dictionary<string, long> counters = [];
        int names = lines.ToList().FindIndex(static line => line.StartsWith("Ip: Forwarding", StringComparison.Ordinal));
        foreach ((string name, string value) in lines[names].Split(' ').Zip(lines[names + 1].Split(' ')).Skip(1))
            counters[name] = long.Parse(value);
        foreach (string[] parts in lines.Select(static line => line.Split('\t', StringSplitOptions.TrimEntries)).Where(static parts => parts.Length == 2 && parts[0].StartsWith("Ip6", StringComparison.Ordinal)))
            counters[parts[0]] = long.Parse(parts[1]);
        return counters;
    }
}
