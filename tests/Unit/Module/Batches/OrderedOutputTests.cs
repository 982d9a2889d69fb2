using SdPowerShell.Batches;

namespace StableDiffusion.Tests.Module.Batches;

public sealed class OrderedOutputTests
{
    private readonly OrderedOutput _output = new();
    private readonly List<string> _written = [];

    [Fact]
    public void What_nothing_waits_before_is_written_at_once()
    {
        Write("a");
        Assert.Equal(["a"], _written);
        Assert.Equal(0, _output.Count);
    }

    [Fact]
    public void What_is_done_is_written_behind_all_before_it()
    {
        OutputTurn first = _output.Reserve();
        Write("error of the second");
        OutputTurn third = _output.Reserve();
        _output.Current = third;
        Write("warning of the third");
        Write("third");
        third.IsDone = true;
        _output.Release();
        Assert.Empty(_written);
        Assert.Equal(3, _output.Count);

        _output.Current = first;
        Write("first");
        _output.Release();
        Assert.Empty(_written);

        first.IsDone = true;
        _output.Release();
        Assert.Equal(["first", "error of the second", "warning of the third", "third"], _written);
        Assert.Equal(0, _output.Count);

        _output.Current = null;
        Write("fourth");
        Assert.Equal("fourth", _written[^1]);
    }

    [Fact]
    public void At_the_end_nothing_is_left_behind_what_is_not_done()
    {
        _output.Reserve();
        Write("second");
        _output.ReleaseAll();
        Assert.Equal(["second"], _written);
        Assert.Equal(0, _output.Count);
    }

    private void Write(string text) => _output.Write(() => _written.Add(text));
}
