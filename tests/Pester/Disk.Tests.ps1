# What happens on a full disk: a small one is mounted, which only root can.
BeforeDiscovery {
    $canMount = $IsLinux -and (id -u) -eq 0
}

BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $rows = 1..4 | ForEach-Object { [pscustomobject]@{ Prompt = "a red house $_"; Seed = $_; Steps = 1 } }
}

Describe 'A full disk' {
    BeforeEach {
        $disk = (New-Item "$TestDrive/disk" -ItemType Directory -Force).FullName
        if ($canMount = $IsLinux -and (id -u) -eq 0) {
            mount -t tmpfs -o size=256k tmpfs $disk
            $isMounted = $LASTEXITCODE -eq 0
        }

        if (-not $isMounted) { Set-ItResult -Skipped -Because 'a disk can only be mounted by root, on Linux' }
        else { $filled = fallocate -l 240k "$disk/other" }
    }

    AfterEach {
        if ($isMounted) { umount $disk }
    }

    It 'ends a batch with one error and no torn file, and the batch goes on when it is run again (<_>)' -ForEach 'one by one', 'stage by stage', 'in batches' {
        $way = @{ 'one by one' = @{}; 'stage by stage' = @{ StageMajor = $true }; 'in batches' = @{ BatchOnDevice = 2 } }[$_]
        $failure = { $rows | New-DiffusionImage @way -OutDirectory $disk/out -Resume -Journal "$TestDrive/$_.jsonl" -ErrorVariable errors } | Should -Throw -ErrorId 'DiskFull,SdPowerShell.Commands.NewDiffusionImageCommand' -PassThru
        $failure.Exception.Message | Should -BeLike "*the disk is full*"
        $failure.CategoryInfo.Category | Should -Be 'ResourceUnavailable'
        $entries = @(Get-DiffusionJournal "$TestDrive/$_.jsonl")
        $entries[-1].ErrorId | Should -Be 'DiskFull'
        @($entries | Where-Object Status -EQ Failed).Count | Should -Be 1
        $made = @($entries | Where-Object Status -EQ Made)
        $made.Count | Should -BeLessThan 4
        @(Get-ChildItem $disk/out -Recurse -File -Force).Count | Should -Be $made.Count -Because 'nothing is left half written'

        Remove-Item "$disk/other"
        $again = $rows | New-DiffusionImage @way -OutDirectory $disk/out -Resume
        $again.Count | Should -Be 4
        @($again | Where-Object IsUnchanged).Count | Should -Be $made.Count
        Get-ChildItem $disk/out | ForEach-Object { (Get-DiffusionMetadata $_).Seed } | Sort-Object | Should -Be 1, 2, 3, 4
    }

    It 'ends Export-DiffusionImage too, with the images left that were written' {
        $images = $rows | New-DiffusionImage
        { $images | Export-DiffusionImage -OutDirectory $disk } | Should -Throw -ErrorId 'DiskFull,*'
        Get-ChildItem $disk -File -Force | Where-Object Name -NE other | ForEach-Object { { Get-DiffusionMetadata $_ -ErrorAction Stop } | Should -Not -Throw }
    }
}
